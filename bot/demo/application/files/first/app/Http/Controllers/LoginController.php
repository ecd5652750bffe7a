<?php

namespace App\Http\Controllers;

use App\Models\UserSession;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Auth;

class LoginController extends Controller
{
    public function show()
    {
        return view('login', ['sessions' => UserSession::query()->whereNull('revoked_at')->count()]);
    }

    public function store(Request $request)
    {
        if (! Auth::attempt($request->only('email', 'password'))) {
            return back()->withInput($request->only('email'))->withErrors(['email' => 'Adresse ou mot de passe inconnu.']);
        }
        $request->session()->regenerate();

        return redirect()->route('sessions.index');
    }
}
