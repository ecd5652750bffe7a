@php($manifest = json_decode((string) @file_get_contents(public_path('build/manifest.json')), true) ?: [])
<!DOCTYPE html>
<html lang="fr">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>@yield('title') · {{ config('app.name') }}</title>
    @isset($manifest['resources/css/app.css'])
        <link rel="stylesheet" href="/build/{{ $manifest['resources/css/app.css']['file'] }}">
    @endisset
</head>
<body>
    <main>
        <h1>@yield('title')</h1>
        @yield('content')
    </main>
</body>
</html>
