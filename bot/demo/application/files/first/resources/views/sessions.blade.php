@extends('layout')

@section('title', 'Sessions récentes')

@section('content')
    <ul>
        @foreach ($sessions as $session)
            <li>
                {{ $session->user_agent }} ({{ $session->ip_address }}), {{ $session->last_seen_at }}
                @unless ($session->revoked_at)
                    <form method="post" action="{{ route('sessions.destroy', $session->id) }}">
                        @csrf
                        @method('delete')
                        <button>Désactiver</button>
                    </form>
                @endunless
            </li>
        @endforeach
    </ul>
@endsection
