#!/usr/bin/perl

# How the API treats its clients: the host they ask for, the pages that ask in
# somebody's name, conditions, defaults, secrets that come back as shown.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $url = $t->stub_list('PLmanners', entries => [
    $t->stub_entry('mannersitem1', 'a.mp4') ]);

my $fixed = 'stream fixed { playlist http://127.0.0.1:9/x.m3u; }';

$t->near(http => <<'END', directstream => "mode download; $fixed");
server_name chan.example *.wild.example .both.example front.*
            ~^re[0-9]\.example$;
location = /metrics { directstream_metrics; }
location /named/ { directstream_admin write=on host=proxy.example; }
location /any/ { directstream_admin write=on host=*; }
location /bare { directstream_admin; }
END

my $S = 'api/1/streams';

sub ask {
    my ($method, $path, $headers, $body) = @_;
    return $t->api($method, $path, $body, headers => $headers);
}


# the host; the client sends its own, so a raw request says another one

sub host {
    my ($host, $path, %more) = @_;

    my $port = $t->{nginx}{near}{http};
    my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port",
                                  Timeout => 5) or die "$port: $!\n";
    my $method = $more{method} || 'GET';
    my $body = $more{body} || '';

    print $s "$method $path HTTP/1.1\r\n"
        . (defined $host ? "Host: $host\r\n" : '')
        . "Content-Type: application/json\r\nConnection: close\r\n"
        . join('', map { "$_: $more{headers}{$_}\r\n" }
                       keys %{ $more{headers} || {} })
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";

    local $/;
    my $answer = <$s>;

    return ($answer =~ m{^HTTP/1.1 (\d+)}, $answer);
}

my $port = $t->{nginx}{near}{http};

for ("127.0.0.1:$port", 'localhost', "LOCALHOST:$port", '10.1.2.3', '[::1]:80')
{
    is((host($_, "/directstream/$S"))[0], 200, "for \"$_\"");
}

for ('chan.example', 'CHAN.example', 'a.wild.example', 'both.example',
     'a.both.example', 'front.example', 're1.example')
{
    is((host($_, "/directstream/$S"))[0], 200, "for the server's name \"$_\"");
}

for ('wild.example', 'achan.example', 'front', 'rex.example',
     'evil.example', "evil.example:$port", '127.0.0.1.evil.example',
     'localhost.evil.example', 'proxy.example')
{
    my ($status, $answer) = host($_, "/directstream/$S");
    is($status, 403, "not for \"$_\"");
    like($answer, qr/"code":"host_denied"/, "not for \"$_\": the code");
}

is((host('evil.example', '/directstream/'))[0], 403, 'nor the page');
is((host('proxy.example', "/named/$S"))[0], 200, 'a host that is named');
is((host('other.example', "/named/$S"))[0], 403, 'another one');
is((host('any.example', "/any/$S"))[0], 200, 'any host');

my ($status, $answer) = host('evil.example', "/directstream/$S",
    method => 'POST', body => '{"name":"evil","playlist":"PLmanners"}');

is($status, 403, 'nothing is made for it');
is((ask('GET', "$S/evil"))[0], 404, 'it is not there');


# the page that asks

my %site = (
    'Sec-Fetch-Site: cross-site' => 403, 'Sec-Fetch-Site: same-site' => 403,
    'Sec-Fetch-Site: same-origin' => 404, 'Sec-Fetch-Site: none' => 404,
    "Origin: http://127.0.0.1:$port" => 404, 'Origin: null' => 403,
    'Origin: http://evil.example' => 403, 'Origin: http://10.0.0.1' => 403,
);

for (sort keys %site) {
    my ($status) = ask('DELETE', "$S/none", { split /: / });
    is($status, $site{$_}, "DELETE with $_");
}

is((ask('GET', $S, { 'Sec-Fetch-Site' => 'cross-site' }))[0], 200,
   'a link to it may be followed');
is((ask('DELETE', "../named/$S/none", { Origin => 'https://proxy.example' }))
   [0], 404, 'the name before a proxy');


# what there is

my (undef, $root) = ask('GET', 'api/');
my (undef, $one) = ask('GET', 'api/1/');

like($root->{version}, qr/^\d+\.\d+\.\d+$/, 'a version');
is_deeply($root->{versions}, [ 1 ], 'versions of the API');
is($one->{version}, $root->{version}, 'the same one');
ok($one->{write}, 'writable');

my %has = map { $_->{path} => "@{ $_->{methods} }" } @{ $one->{resources} };

is($has{streams}, 'GET HEAD POST', 'streams');
is($has{'streams/*'}, 'GET HEAD PATCH DELETE', 'a stream');
ok(!(ask('GET', '../bare/api/1/'))[1]{write}, 'not writable');
is((ask('GET', "../bareapi/1/streams"))[0], 404, 'not beside its location');
is((ask('GET', "../bare/$S"))[0], 200, 'below it');

my (undef, undef, $r) = ask('OPTIONS', "$S/any");

is($r->{status}, 204, 'OPTIONS');
is($r->{headers}{allow}, 'GET, HEAD, PATCH, DELETE, OPTIONS', 'Allow');
is($r->{headers}{'x-content-type-options'}, 'nosniff', 'no guessing');
is($r->{headers}{'cross-origin-resource-policy'}, 'same-origin',
   'not for others');

like(($t->{http}->get($t->base . '/directstream/'))->{content},
     qr/directstream \Q$root->{version}\E/, 'the page says it');
like(($t->{http}->get($t->base . '/metrics'))->{content},
     qr/^directstream_build_info\{version="\Q$root->{version}\E",nginx="/m,
     'and the metrics');
$t->like_log(qr/directstream \Q$root->{version}\E starts/, 'and the log');

SKIP: {
    skip 'no readelf', 1 unless -x '/usr/bin/readelf';

    my ($build) = ($t->command('/usr/bin/readelf', '-n',
        $DirectStream::Test::MODULE))[1] =~ /Build ID: ([0-9a-f]{20})/;

    is($root->{build}, $build, 'which build');
    like(($t->{http}->get($t->base . '/directstream/'))->{content},
         qr/build \Q$build\E\b/, 'on the page');
    like(($t->{http}->get($t->base . '/metrics'))->{content},
         qr/^directstream_build_info\{.*,build="\Q$build\E"\} 1$/m,
         'and in the metrics');
    $t->like_log(qr/starts, generation \d+, build \Q$build\E/, 'and the log');
}


# conditions

my %def = (name => 'one', playlist => $url, start => JSON::PP::false,
           push => 'rtmps://127.0.0.1:9/live2/se-cr-et');

(undef, undef, $r) = ask('POST', $S, {}, \%def);
my $tag = $r->{headers}{etag};

is($r->{status}, 201, 'made');
like($tag, qr/^"[0-9a-f]{32}"$/, 'a tag');
is((ask('GET', "$S/one"))[2]{headers}{etag}, $tag, 'the same one again');

for my $try ([ '"x"', 412 ], [ "W/$tag", 412 ], [ '', 412 ], [ $tag, 200 ],
             [ '*', 200 ])
{
    my ($match, $want) = @$try;
    my $before = (ask('GET', "$S/one"))[1]{loop};
    my (undef, $data, $r) = ask('PATCH', "$S/one", { 'If-Match' => $match },
        { loop => $before ? JSON::PP::false : JSON::PP::true });

    is($r->{status}, $want, "If-Match: $match");
    is($data->{code}, 'precondition_failed', "$match: the code")
        if $want == 412;

    my (undef, $now) = ask('GET', "$S/one");
    is(($now->{loop} xor $before) ? 200 : 412, $want, "$match: as it says");

    # back, and with it the tag
    ask('PATCH', "$S/one", {}, { loop => $before });
}

is((ask('GET', "$S/one"))[2]{headers}{etag}, $tag, 'a tag of what is in it');
is((ask('PATCH', "$S/one", { 'If-Match' => "\"x\", $tag" },
        { shuffle => JSON::PP::true }))[0], 200, 'a list of tags');
isnt((ask('GET', "$S/one"))[2]{headers}{etag}, $tag, 'another tag');
is((ask('PATCH', "$S/one", { 'If-Unmodified-Since' =>
        'Mon, 01 Jan 2001 00:00:00 GMT' }, { loop => JSON::PP::true }))[0],
   200, 'a time it does not have');
is((ask('DELETE', "$S/one", { 'If-Match' => $tag }))[0], 412, 'not removed');
is((ask('POST', "$S/one/start", { 'If-Match' => $tag }))[0], 412,
   'not started');
is((ask('GET', "$S/one", { 'If-None-Match' => '*' }))[0], 200,
   'a status is always new');


# a secret comes back as it was shown

my $db = $t->state_path . '/state.db';

sub stored {
    my ($column, $name) = @_;
    my (undef, $out) = $t->command('sqlite3', $db,
        "SELECT $column FROM stream WHERE name = '$name'");
    chomp $out;
    return $out;
}

my (undef, $shown) = ask('GET', "$S/one");

unlike($shown->{push}, qr/se-cr-et/, 'the key is not shown');
is((ask('PATCH', "$S/one", {}, { push => $shown->{push},
        playlist => $shown->{playlist}, loop => JSON::PP::false }))[0], 200,
   'as it was shown');
like(stored('(SELECT outputs FROM output WHERE output.name = stream.name)',
            'one'), qr/ \Q$def{push}\E /, 'the key is as it was');

ask('POST', $S, {}, { name => 'list', start => JSON::PP::false,
    playlist => 'http://127.0.0.1:9/list.m3u?token=se-cr-et' });
(undef, $shown) = ask('GET', "$S/list");
unlike($shown->{playlist}, qr/se-cr-et/, 'the query is not shown');
ask('PATCH', "$S/list", {}, { playlist => $shown->{playlist} });
like(stored('playlist', 'list'), qr/token=se-cr-et$/, 'it is as it was');

my ($code, $data) = ask('PATCH', "$S/one", {},
    { push => 'rtmps://127.0.0.1:9/other/***' });

is($code, 400, 'of another target it is not known');
is($data->{field}, 'push', 'the field');
is((ask('POST', $S, {}, { name => 'two', playlist => $url,
    push => 'rtmps://127.0.0.1:9/live2/***' }))[0], 400, 'nor of a new one');


# what was read is sent back whole, as it is, with a change, against itself

my $two = 'rtmp://127.0.0.1:9/live2/backup';
my @whole = ([ { push => 'rtmps://127.0.0.1:9/live2/first' } ],
             [ { outputs => [
                 { name => 'a', url => 'rtmps://127.0.0.1:9/live2/first' },
                 { name => 'b', url => $two, via => 'engine',
                   role => 'backup' } ] } ], [ { push => undef } ]);

for (@whole) {
    my ($patch) = @$_;

    ask('PATCH', "$S/one", {}, $patch);

    my $was = stored('(SELECT outputs FROM output'
                     . ' WHERE output.name = stream.name)', 'one');
    my (undef, $all, $r) = ask('GET', "$S/one");
    my $tag = $r->{headers}{etag};

    (undef, undef, $r) = ask('PATCH', "$S/one", { 'If-Match' => $tag }, $all);
    is($r->{status}, 200, 'all that was read') or diag($r->{content});
    is($r->{headers}{etag}, $tag, 'is what there is');
    is(stored('(SELECT outputs FROM output WHERE output.name = stream.name)',
              'one'), $was, 'with its secrets');

    my $other = $all->{mode} eq 'hybrid' ? 'direct' : 'hybrid';
    (undef, $data) = ask('PATCH', "$S/one", {}, { %$all, mode => $other });
    is($data->{mode}, $other, 'one member of all is another one');
    ask('PATCH', "$S/one", {}, { mode => undef });
}

for ([ running => JSON::PP::true ], [ static => JSON::PP::true ],
     [ slate => 'x.png' ], [ status => 1 ])
{
    my ($code, $data) = ask('PATCH', "$S/one", {}, { @$_ });
    is("$code $data->{field}", "400 $_->[0]", "$_->[0] cannot be set");
}

($code, $data) = ask('PATCH', "$S/one", {}, { push => "$two/x",
    outputs => [ { url => $two } ] });
is("$code $data->{field}", '400 push', 'two that differ');
ask('PATCH', "$S/one", {}, { push => $def{push} });


# the default again

my @default = ([ mode => 'hybrid', 'download' ], [ video => 'encode', 'copy' ],
               [ max_item_duration => 5, 0 ], [ loop => JSON::PP::false,
                                                JSON::PP::true ]);

for (@default) {
    my ($field, $value, $default) = @$_;

    ask('PATCH', "$S/one", {}, { $field => $value });
    is((ask('GET', "$S/one"))[1]{$field}, $value, "$field is set");

    my (undef, $data, $r) = ask('PATCH', "$S/one",
        { 'Content-Type' => 'application/merge-patch+json' },
        { $field => undef });

    is($r->{status}, 200, "$field is null");
    is($data->{$field}, $default, "$field is the default");
}

is((ask('PATCH', "$S/one", {}, { push => undef }))[1]{push}, undef,
   'nothing is pushed');

for (qw(name playlist)) {
    my ($code, $data) = ask('PATCH', "$S/one", {}, { $_ => undef });

    is($code, 400, "$_ has no default");
    is($data->{field}, $_, "$_: the field");
}

is((ask('POST', $S, { 'Content-Type' => 'application/merge-patch+json' },
        \%def))[0], 415, 'nothing is made by a patch');


# part of a list, and of a stream

ask('DELETE', "$S/$_") for map { $_->{name} } @{ (ask('GET', $S))[1]{streams} };
ask('POST', $S, {}, { %def, name => $_, start => JSON::PP::false })
    for 'a' .. 'e';

($code, $data) = ask('GET', "$S?fields=name,status.state&limit=2");
is_deeply($data->{streams}, [ map { { name => $_, status =>
          { state => 'stopped' } } } 'a', 'b' ], 'two members of two streams');
is($data->{total}, 6, 'of how many');
ok($data->{relay}, 'the rest is whole');

my (@names, $after);

for ($after = ''; defined $after && @names < 20; $after = $data->{next}) {
    (undef, $data) = ask('GET', "$S?limit=2&fields=name&after=$after");
    push @names, '|', map { join ',', %$_ } @{ $data->{streams} };
}

is("@names", '| name,a name,b | name,c name,d | name,e name,fixed',
   'page by page');
is(@{ (ask('GET', "$S?after=bb"))[1]{streams} }, 4, 'after one that is gone');
is((ask('GET', "$S?limit=6"))[1]{next}, undef, 'no page after the last');
is_deeply((ask('GET', "$S/a?fields=loop%2Cmode"))[1],
          { loop => JSON::PP::true, mode => 'download' }, 'of one stream');
is_deeply((ask('GET', "$S/a?fields=status.output,status"))[1]{status},
          (ask('GET', "$S/a"))[1]{status}, 'the whole beside a part of it');

is((ask('GET', "$S?state=stopped,live"))[1]{total}, 5, 'in one of two states');
is((ask('GET', "$S?state=live"))[1]{total}, 0, 'in none');

for ([ 'fields=', 'fields' ], [ 'fields=colour', 'fields' ],
     [ 'fields=name.x', 'fields' ], [ 'fields=status.colour', 'fields' ],
     [ 'fields=status.', 'fields' ], [ 'fields=name,,loop', 'fields' ],
     [ 'state=', 'state' ], [ 'state=lives', 'state' ], [ 'limit=0', 'limit' ],
     [ 'limit=1001', 'limit' ])
{
    my ($code, $data) = ask('GET', "$S?$_->[0]");
    is("$code $data->{field}", "400 $_->[1]", "\"$_->[0]\"");
}


# the same request again

my %once = (%def, name => 'once', start => JSON::PP::false);
my %key = ('Idempotency-Key' => 'k1');

for (1, 2) {
    my ($code, $data, $r) = ask('POST', $S, \%key, \%once);
    is("$code $data->{name}", '201 once', 'a stream is made once');
    like($r->{headers}{location}, qr{/once$}, 'and is there');
}

is((ask('POST', $S, {}, \%once))[1]{code}, 'stream_exists', 'without a key');
is((ask('POST', $S, { 'Idempotency-Key' => 'k2' }, \%once))[1]{code},
   'stream_exists', 'under another');
is((ask('POST', $S, \%key, { %once, loop => JSON::PP::false }))[1]{code},
   'key_reused', 'another request under it');
is((ask('POST', "$S/once/queue", \%key, { url => $t->media_url('a.mp4') }))[1]
   {code}, 'key_reused', 'of the queue as well');
is((ask('POST', $S, { 'Idempotency-Key' => 'k' x 256 }, \%once))[1]{field},
   'Idempotency-Key', 'too long a key');
is(scalar(grep { $_->{what} eq 'create' } @{ (ask('GET',
          'api/1/changes?stream=once'))[1]{changes} }), 1, 'one change of it');


# arguments: those that are described, and no others

my $api = (ask('GET', 'api/1/openapi.json'))[1];

for my $path (sort keys %{ $api->{paths} }) {
    my $ops = $api->{paths}{$path};
    (my $real = "api$path") =~ s/\{name\}/once/;
    $real =~ s/\{(\w+)\}/$1/;

    for my $method (grep { /^(?:get|post|put|patch|delete)$/ }
                    sort keys %$ops)
    {
        my ($code, $data, $r) = ask(uc $method, "$real?colour=red");
        is("$code $data->{code}", '400 unknown_field', "$method $path?colour");

        my ($known) = $data->{detail} =~ /known: (.*)/;
        is(join(' ', sort split ' ', $known),
           join(' ', sort(map { $_->{name} } grep { $_->{in} eq 'query' }
                @{ $ops->{$method}{parameters} || [] })) || 'none',
           'it has what is described');
    }
}

for my $try ([ 'runs', 'state' ], [ 'changes', 'what' ]) {
    my ($path, $name) = @$try;
    my ($p) = grep { $_->{name} eq $name }
              @{ $api->{paths}{"/1/$path"}{get}{parameters} };
    my $words = $p->{schema}{enum}
                || $api->{components}{schemas}{ChangeKind}{enum};

    my ($code, $data) = ask('GET', "api/1/$path?$name=colour");
    is("$code $data->{field}", "400 $name", "$path: no such $name");
    is($data->{detail} =~ s/it must be one of //r, "@$words",
       "$path: those that are described");
    is(join(' ', grep { (ask('GET', "api/1/$path?$name=$_"))[0] != 200 }
                 @$words), '', "$path: each of them is taken");
}

is((ask('GET', "$S?&fields=name&"))[0], 200, 'nothing between two "&"');
like((ask('GET', "$S/"))[1]{detail}, qr/slash/, 'a slash too many');


# a body, where there is nothing to say

for my $path ("$S/once/stop", "$S/once/skip", "$S/once/previous",
              "$S/once/refresh", "$S/once/outputs/push/stop",
              "$S/once/outputs/push/restart")
{
    is((ask('POST', $path, {}, {}))[0], 202, "$path: an empty object");
    is((ask('POST', $path, {}, { n => 1 }))[1]{code}, 'unknown_field',
       "$path: a field");
    is((ask('POST', $path, {}, '['))[1]{code}, 'bad_json', "$path: no JSON");
}


# no body, where there must be one

for ([ 'POST', $S ], [ 'PATCH', "$S/once" ], [ 'POST', "$S/once/queue" ],
     [ 'POST', 'api/1/resolve' ])
{
    my ($code, $data) = ask(@$_);
    is("$code $data->{code}", '400 bad_json', "$_->[0] $_->[1]: no body");
    like($data->{detail}, qr/the body is empty/, 'says so');
}


# a stream of the file that the store has lost is found there again

$t->command('sqlite3', $t->state_path . '/state.db',
            "DELETE FROM stream WHERE name = 'fixed'");
is((ask('POST', "$S/fixed/stop"))[0], 202, 'a change of it');
is((ask('GET', 'api/1/changes?stream=fixed'))[1]{total}, 1, 'is recorded');
is($t->command('sqlite3', $t->state_path . '/state.db',
               "SELECT running FROM stream WHERE name = 'fixed'"), "0\n",
   'and stored');
$t->command('sqlite3', $t->state_path . '/state.db',
            "DELETE FROM stream WHERE name = 'fixed'");
is((ask('POST', "$S/fixed/queue", {}, { url => $t->media_url('a.mp4') }))[0],
   202, 'what is queued for it');
is((ask('GET', "$S/fixed/queue"))[1]{entries}[0]{state}, 'waiting', 'waits');
is((ask('GET', 'api/1/changes?stream=fixed'))[1]{total}, 2, 'and is recorded');

$t->finish;
