<?php

namespace App\Http\Controllers;

use App\Models\UserSession;
use Illuminate\Http\Request;

class SessionController extends Controller
{
    public function index(Request $request)
    {
        $sessions = UserSession::query()->where('user_id', $request->user()->id)->latest('last_seen_at')->limit(20)->get();

        return view('sessions', ['sessions' => $sessions]);
    }

    public function destroy(Request $request, int $session)
    {
        UserSession::query()
            ->where('user_id', $request->user()->id)
            ->findOrFail($session)
            ->update(['revoked_at' => now()]);

        return redirect()->route('sessions.index');
    }
}
