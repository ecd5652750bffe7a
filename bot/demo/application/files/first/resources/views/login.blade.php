@extends('layout')

@section('title', 'Connexion')

@section('content')
    <form method="post" action="/login">
        @csrf
        <label>Adresse e-mail <input type="email" name="email" value="{{ old('email') }}" required autofocus></label>
        <label>Mot de passe <input type="password" name="password" required></label>
        @error('email')
            <p role="alert">{{ $message }}</p>
        @enderror
        <button>Se connecter</button>
    </form>
    <p>{{ $sessions }} sessions ouvertes</p>
@endsection
