<?php

namespace App\Http\Controllers;

use App\Models\UserSession;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Log;

class SessionController extends Controller
{
    public function index(Request $request)
    {
        $sessions = UserSession::query()->where('user_id', $request->user()->id)->latest('last_seen_at')->limit(20)->get();

        return view('sessions', ['sessions' => $sessions]);
    }

    public function destroy(Request $request, int $session)
    {
        $session = UserSession::query()->where('user_id', $request->user()->id)->findOrFail($session);
        $session->update(['revoked_at' => now()]);

        if ($session->token_id !== null) {
            DB::table('oauth_access_tokens')->where('id', $session->token_id)->update(['revoked' => true]);
            Log::info('SessionController: Token revoked for session', $session->only('user_id', 'id', 'token_id'));
        }

        return redirect()->route('sessions.index');
    }
}
