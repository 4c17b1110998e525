#!/usr/bin/perl

# The admin API: create, read, change, remove; every refusal has its status
# and code.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLapi', entries => [
    $t->stub_entry('apiitem0001', 'a.mp4'),
    $t->stub_entry('apiitem0002', 'b.mp4'),
    $t->stub_entry('apiitem0003', 'c.mp4',
                   title => "Gr\x{f6}\x{df}e \"3\" <&>"),
]);

$t->near(directstream => "stream fixed { playlist $url; }", http =>
    'location /ro/ { directstream_admin; }');


sub problem {
    my ($method, $path, $body, $status, $code, $field, %args) = @_;

    my ($got, $data, $r) = $t->api($method, $path, $body, %args);
    my $what = "$method $path: $code";

    is($got, $status, "$what: $status") or diag($r->{content});
    is($data->{code}, $code, "$what: code") or diag($r->{content});
    is($r->{headers}{'content-type'}, 'application/problem+json',
       "$what: type");
    is($data->{status}, $status, "$what: status in the body");
    ok(defined $data->{title} && length $data->{title}, "$what: title");
    is($data->{field}, $field, "$what: field") if defined $field;

    return $data;
}


my $S = 'api/1/streams';

# create

my ($status, $data, $r) = $t->create('one', $url, push =>
    $t->push_url('SECRETKEY'), start => JSON::PP::false);

is($status, 201, 'created');
like($r->{headers}{location}, qr{/directstream/api/1/streams/one$},
     'Location');
is($data->{name}, 'one', 'name');
is($data->{playlist}, $url, 'playlist');
is($data->{mode}, 'direct', 'mode');
is($t->state('one'), 'stopped', 'not started');
ok(ref $data->{loop} && $data->{loop}, 'loop is on');
ok(ref $data->{shuffle} && !$data->{shuffle}, 'shuffle is off');
unlike($r->{content}, qr/SECRETKEY/, 'no key in the answer');

my %default = (
    push_via => 'rtmp', slate => undef, video => 'copy',
    video_size => '1280x720', video_rate => 30, video_bitrate => 3000000,
    audio_bitrate => 128000, audio_rate => 44100, max_keyframe_interval => 0,
    max_item_duration => 0
);

for my $field (sort keys %default) {
    ok(exists $data->{$field}, "$field is there");
    is($data->{$field}, $default{$field}, "$field by default");
}

# read

($status, $data, $r) = $t->api('GET', $S);
is($status, 200, 'list');
my ($list) = grep { ref $_ eq 'ARRAY' } ref $data eq 'ARRAY' ? $data
             : values %$data;
is(join(' ', sort map { $_->{name} } @$list), 'fixed one', 'both streams');
unlike($r->{content}, qr/SECRETKEY/, 'no key in the list');

($status, $data, $r) = $t->api('GET', "$S/one");
is($status, 200, 'read');
unlike($r->{content}, qr/SECRETKEY/, 'no key in the status');
is($r->{headers}{'content-type'}, 'application/json', 'type');

($status, $data, $r) = $t->api('GET', 'api/1/openapi.json');
is($status, 200, 'openapi.json');
like($data->{openapi}, qr/^3\./, 'it is OpenAPI 3');

# refusals

problem('POST', $S, '{', 400, 'bad_json');
problem('POST', $S, '[1]', 400, 'bad_json');
problem('POST', $S, '', 400, 'bad_json');
problem('POST', $S, '{"name": "x"}{}', 400, 'bad_json');
problem('POST', $S, { name => 'x', playlist => $url, colour => 'red' },
        400, 'unknown_field', 'colour');
problem('POST', $S, { name => 'x' }, 400, 'missing_field', 'playlist');
problem('POST', $S, { playlist => $url }, 400, 'missing_field', 'name');

my @invalid = (
    [ name => 'a/b' ], [ name => '..' ], [ name => 'x' x 65 ], [ name => '' ],
    [ name => 5 ],
    [ playlist => '--exec=x' ], [ playlist => 'file:///etc/passwd' ],
    [ playlist => 'ftp://h/x' ], [ playlist => "http://h/a\nb" ],
    [ playlist => 'http://h/' . 'x' x 9000 ], [ playlist => [] ],
    [ mode => 'Download' ], [ mode => 1 ], [ mode => undef ],
    [ shuffle => 'on' ], [ loop => 1 ],
    [ publish => 'http://h/live' ], [ push => 'rtmp://h/app' ],
    [ push => 'file:///x' ], [ start => 'yes' ],
    [ push => 'rtmp://h/a?b=c' ], [ push => 'rtmp://[::1/a/key' ],
    [ push => 'rtmps://h/app' ], [ push_via => 'rtmp' ], [ push_via => 'x' ],
    [ push_via => undef ], [ slate => '/etc/passwd' ], [ slate => undef ],
    [ video => 'on' ], [ video => 1 ], [ video => undef ],
    [ video_size => '1281x720' ], [ video_size => '62x62' ],
    [ video_size => '4096x2160' ], [ video_size => 'x' ],
    [ video_size => "640x360\n" ], [ video_size => 1280 ],
    [ video_size => [ 1280, 720 ] ],
    [ video_rate => 0 ], [ video_rate => 61 ], [ video_rate => 29.97 ],
    [ video_rate => '30' ], [ video_rate => -1 ], [ video_rate => 1e300 ],
    [ video_bitrate => 99999 ], [ video_bitrate => 50000001 ],
    [ video_bitrate => '3000k' ], [ audio_bitrate => 31999 ],
    [ audio_bitrate => 512001 ], [ audio_rate => 44101 ],
    [ audio_rate => 22050 ], [ audio_rate => JSON::PP::true ],
    [ max_keyframe_interval => 0.999 ], [ max_keyframe_interval => 3600.1 ],
    [ max_keyframe_interval => 'off' ], [ max_keyframe_interval => -1 ],
    [ max_item_duration => 0.5 ], [ max_item_duration => 2592001 ],
    [ max_item_duration => -1e300 ], [ max_item_duration => {} ],
);

for my $i (@invalid) {
    my ($field, $value) = @$i;

    problem('POST', $S, { name => 'x', playlist => $url, $field => $value },
            400, 'invalid_field', $field);
}

problem('POST', $S, { name => 'x', playlist => $url, push_via => 'rtmp',
                      push => 'rtmps://h/app/key' },
        400, 'invalid_field', 'push_via');
like(problem('POST', $S, { name => 'x', playlist => $url, slate => 'a.png' },
             400, 'invalid_field', 'slate')->{detail}, qr/directive/,
     'who sets the slate');
problem('POST', $S, { name => 'one', playlist => $url }, 409,
        'stream_exists');
problem('GET', "$S/none", undef, 404, 'stream_not_found');
problem('PATCH', "$S/none", { loop => JSON::PP::false }, 404,
        'stream_not_found');
problem('DELETE', "$S/none", undef, 404, 'stream_not_found');
problem('POST', "$S/none/start", undef, 404, 'stream_not_found');
problem('GET', "$S/none/items", undef, 404, 'stream_not_found');
problem('GET', 'api/1/nothing', undef, 404, 'not_found');
problem('POST', "$S/one/explode", undef, 404, 'not_found');
problem('DELETE', $S, undef, 405, 'method_not_allowed');
problem('GET', "$S/one/start", undef, 405, 'method_not_allowed');
problem('PUT', "$S/one", { loop => JSON::PP::true }, 405,
        'method_not_allowed');
problem('PATCH', "$S/fixed", { loop => JSON::PP::false }, 409,
        'static_stream');
problem('DELETE', "$S/fixed", undef, 409, 'static_stream');
problem('PATCH', "$S/one", { name => 'two' }, 400, 'invalid_field', 'name');
problem('PATCH', "$S/one", { nothing => 1 }, 400, 'unknown_field', 'nothing');
problem('POST', $S, '{"x": "' . 'y' x 70000 . '"}', 413, 'too_large');
problem('POST', $S, "name=x", 415, 'unsupported_media_type', undef,
        headers => { 'Content-Type' => 'application/x-www-form-urlencoded' });
problem('POST', "$S/one/start", '', 415, 'unsupported_media_type', undef,
        headers => { 'Content-Type' => 'text/plain' });

# read-only without write=on

for my $try ([ 'POST', $S, { name => 'x', playlist => $url } ],
             [ 'PATCH', "$S/one", { loop => JSON::PP::false } ],
             [ 'DELETE', "$S/one", undef ], [ 'POST', "$S/one/start", undef ],
             [ 'POST', 'api/1/resolve', { playlist => $url } ])
{
    my ($method, $path, $body) = @$try;
    problem($method, "../ro/$path", $body, 403, 'read_only');
}

is(scalar $t->api('GET', "../ro/$S/one"), 200, 'read-only can be read');

# change, control

($status, $data) = $t->api('PATCH', "$S/one", { shuffle => JSON::PP::true });
is($status, 200, 'changed');
ok($data->{shuffle}, 'shuffle is on');
is($t->state('one'), 'stopped', 'a change does not start it');

is(scalar $t->api('POST', "$S/one/start"), 202, 'start');
ok($t->wait_state('one', 'live'), 'live');

# items

my @items = $t->items('one');
is(scalar @items, 3, 'items');
is($items[2]{title}, "Gr\x{f6}\x{df}e \"3\" <&>", 'a title in UTF-8');
is($items[0]{id}, 'apiitem0001', 'an id');
@items = $t->items('one', '?offset=1&limit=1');
is(scalar @items, 1, 'offset and limit');
is($items[0]{index}, 1, 'the second item');
problem('GET', "$S/one/items?limit=x", undef, 400, 'invalid_field', 'limit');

my $s = $t->status('one')->{status};
like($s->{since}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
     'RFC 3339');
is($s->{item}{decision}, 'copy', 'copied');
ok(ref $s->{slate_on_air} && !$s->{slate_on_air}, 'no slate');
ok(exists $s->{push} && !defined $s->{push}, 'no push by the engine');
like($s->{$_}, qr/^\d+$/, $_) for qw(bytes_in buffer_ms dead_air_ms
                                     lateness_ms);
like($s->{playlist}{$_}, qr/^\d+$/, $_) for qw(items_copied items_encoded);

if (my $next = $s->{next}) {
    ok(defined $next->{decision} && defined $next->{reason},
       'what the next one will be');
}
is($s->{playlist}{count}, 3, 'count');
ok($s->{owner_pid} > 1, 'owner');
is($s->{owner_pid}, $t->relay_pid, 'the owner is the relay worker');

is(scalar $t->api('POST', "$S/one/stop"), 202, 'stop');
ok($t->wait_state('one', 'stopped'), 'stopped');
is(scalar $t->api('POST', "$S/one/restart"), 202, 'restart');
ok($t->wait_state('one', 'live'), 'live again');

is(scalar $t->api('DELETE', "$S/one"), 204, 'removed');
is(scalar $t->api('GET', "$S/one"), 404, 'gone');
is(scalar $t->api('POST', "$S/fixed/stop"), 202, 'a fixed one can be stopped');
ok($t->wait_state('fixed', 'stopped'), 'stopped');

# resolve, on request

($status, $data) = $t->api('POST', 'api/1/resolve', { playlist => $url });
is($status, 200, 'resolve');
is(scalar @{ $data->{items} }, 3, 'three items');
is($data->{items}[1]{id}, 'apiitem0002', 'the second');

problem('POST', 'api/1/resolve', { playlist => '-x' }, 400, 'invalid_field',
        'playlist');
$t->stub_list('PLgone', entries => [], list => { mode => 'error',
              error => 'missing' });
problem('POST', 'api/1/resolve',
        { playlist => 'https://www.youtube.com/playlist?list=PLgone' },
        502, 'playlist_unavailable');

# nginx-rtmp itself writes the target of a push
my @ours = grep { /: directstream / } split /\n/, $t->log_of;
unlike("@ours", qr/SECRETKEY/, 'no key in our log');

$t->finish;
