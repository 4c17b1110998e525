#!/usr/bin/perl

# Every route answers as openapi.json describes it: status, type and body,
# without a field that is not described; every refusal, too.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Schema;
use DirectStream::YouTube;


# the checks fire on what they are there for

my $check = DirectStream::Schema->new({ components => { schemas => {
    Name => { type => 'string', pattern => '^[a-z]+$' },
} } });

my %plain = (type => 'object', required => [ 'n' ], properties => {
    n => { '$ref' => '#/components/schemas/Name' },
    i => { type => 'integer', minimum => 1 },
    f => { type => [ 'number', 'null' ] },
    b => { type => 'boolean' },
    t => { type => 'string', format => 'date-time' },
    e => { enum => [ 'x', 'y' ] },
    a => { type => 'array', items => { type => 'string' } },
    o => { oneOf => [ { type => 'null' }, { const => 'z' } ] },
});

my @good = (
    '{"n": "a"}', '{"n": "a", "i": 1, "f": 1.5, "b": true}',
    '{"n": "a", "f": null, "t": "2026-01-02T03:04:05.678Z", "e": "y"}',
    '{"n": "a", "f": 2, "a": [], "o": null}', '{"n": "a", "o": "z"}',
);

my @bad = (
    '{}', '[]', '{"n": "A"}', '{"n": 1}', '{"n": "a", "i": 0}',
    '{"n": "a", "i": "1"}', '{"n": "a", "i": 1.5}', '{"n": "a", "f": "1"}',
    '{"n": "a", "b": 1}', '{"n": "a", "b": null}', '{"n": "a", "e": "z"}',
    '{"n": "a", "t": "2026-01-02 03:04"}', '{"n": "a", "a": [1]}',
    '{"n": "a", "o": "y"}', '{"n": "a", "more": 1}',
);

is(scalar $check->check(JSON::PP::decode_json($_), \%plain), 0, "good: $_")
    for @good;
isnt(scalar(my @f = $check->check(JSON::PP::decode_json($_), \%plain)), 0,
     "bad: $_") for @bad;
ok(!eval { $check->check(1, { multipleOf => 2 }); 1 },
   'an unknown keyword is not passed over');


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLdesc', entries => [
    $t->stub_entry('descitem0001', 'a.mp4'),
    $t->stub_entry('descitem0002', $t->media_url('b.mp4', 'status=404')),
    $t->stub_entry('descitem0003', 'long.mp4', duration => 60),
]);

my $yt = DirectStream::YouTube->new($t);

$yt->set(streams => [ { id => 'in', key => 'tube' } ],
         broadcasts => [ { id => 'b', stream => 'in', life => 'live' } ]);

$t->near(http => 'location /ro/ { directstream_admin; }',
         directstream => <<"END");
youtube_credentials @{[ $yt->credentials ]} interval=1s;
youtube_api $yt->{url};
stream fixed { playlist $url; }
END

my ($status, $doc) = $t->api('GET', 'api/1/openapi.json');
my $api = DirectStream::Schema->new($doc);

is(join("\n", $api->faults), '', 'the description is whole');


my (%seen, %codes);

# one request; its answer is as described
sub described {
    my ($method, $path, $want, %args) = @_;

    my ($got, $data, $r) = $t->api($method, ($args{base} || '') . "api$path",
                                   $args{body}, %args);
    my $what = "$method $path: $want" . ($args{what} || '');

    is($got, $want, $what) or diag($r->{content});
    is(join("\n", $api->answer($method, $path, $r, $data)), '',
       "$what, as described");
    is($r->{headers}{'cache-control'}, 'no-store', "$what, not to be stored");

    if (ref $args{body} && $got < 300) {
        is(join("\n", $api->request($method, $path, $args{body})), '',
           "$what, the request as described");
    }

    my ($template) = $api->operation($method, $path);
    $seen{"$method $template"} = 1 if $template && $got < 400;
    $codes{ $data->{code} } = 1 if ref $data eq 'HASH' && $data->{code};

    return $data;
}


# what is of a cluster is tried in t/72_cluster.t
my @paths = grep { !m{^/1/nodes?(?:/|$)} } sort keys %{ $doc->{paths} };

my $S = '/1/streams';
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

# writes

described('POST', $S, 201, body => { name => 'one', playlist => $url });
described('POST', $S, 201, body => {
    name => 'full', playlist => $url, mode => 'hybrid', shuffle => $yes,
    loop => $no, publish => $t->near_rtmp, push => $t->push_url('KEY'),
    start => $no,
});
described('PATCH', "$S/full", 200, body => { loop => $yes, push => undef });
described('PATCH', "$S/full", 200, body => { playlist => $url,
                                             shuffle => $no });

# something is kept

described('POST', $S, 201, body => { name => 'kept', mode => 'hybrid',
    playlist => $t->plain_list('kept', 'a.mp4') });

my $kept;
ok($t->wait_for(sub {
    $kept = ($t->api('GET', 'api/1/cache'))[1]{entries}[0];
}, 15), 'an item is kept');

# a failure on air, and an item on air

described('POST', $S, 201, body => { name => 'bad', loop => $no,
    playlist => $t->plain_list('bad', $t->media_url('a.mp4',
                                                    'status=403')) });
ok($t->wait_state('bad', 'failed'), 'one has failed');
ok($t->wait_state('one', 'live'), 'one is live');

# in each state that comes along until the long item plays

my %states;

ok($t->wait_for(sub {
    my ($code, $data, $r) = $t->api('GET', "api$S/one");
    my @wrong = $api->answer('GET', "$S/one", $r, $data);

    is("@wrong", '', 'a status on the way') if @wrong;
    $states{ $data->{status}{state} } = 1;

    my $item = $data->{status}{item};
    return @wrong || ($item && $item->{index} == 2);
}, 20), 'the last item is on air');

diag('states seen: ' . join ' ', sort keys %states);

# every GET route

for my $path (@paths) {
    my $op = $doc->{paths}{$path}{get} or next;
    my ($ok) = grep { /^2/ } sort keys %{ $op->{responses} };
    my @types = keys %{ $op->{responses}{$ok}{content} || {} };

    (my $real = $path) =~ s/\{name\}/one/;

    if (grep { $_ eq 'text/event-stream' } @types) {
        # without an end: its head is enough
        my $r;
        $t->{http}->request('GET', $t->base . "/directstream/api$real", {
            data_callback => sub { $r = $_[1]; die "enough\n" } });

        is(join("\n", $r ? $api->answer('GET', $real, $r) : 'no answer'),
           '', "GET $path, as described");
        $seen{"GET $path"} = 1;
        next;
    }

    described('GET', $real, $ok);
    described('HEAD', $real, $ok) if $doc->{paths}{$path}{head};
    described('GET', $path =~ s/\{name\}/none/r, 404) if $path =~ /\{name\}/;
}

for my $name (qw(fixed one full bad)) {
    described('GET', "$S/$name", 200);
    described('GET', "$S/$name/items", 200);
}

described('GET', "$S/one/items?offset=1&limit=1", 200);
described('GET', "$S/one/items?limit=x", 400);
described('GET', '/1/cache?offset=1&limit=1', 200);
described('GET', '/1/cache?limit=0', 400);
described('GET', "$S/kept", 200);
described('DELETE', "/1/cache/$kept->{key}", 204);
described('DELETE', '/1/cache/' . '0' x 32, 404);
described('DELETE', '/1/cache/' . '0' x 32, 403, base => '../ro/');

# control

described('POST', "$S/one/$_", 202)
    for qw(skip previous refresh prefetch restart stop start);
described('POST', "$S/one/prefetch", 202, body => { on => $no });
described('POST', "$S/one/prefetch", 400, body => { on => 0 });
described('POST', "$S/one/prefetch", 400, body => { off => $yes });
described('POST', "$S/one/prefetch", 400, body => '[');
described('POST', "$S/one/youtube/$_", 409) for qw(check revive rollover);
described('POST', "$S/one/youtube/$_", 400, body => { dry_run => 1 })
    for qw(check revive rollover);
described('POST', "$S/none/youtube/$_", 404) for qw(check revive rollover);
described('POST', '/1/restart', 202);
described('POST', '/1/restart', 202, body => { all => $no });
described('POST', '/1/restart', 400, body => { all => 1 });
described('POST', '/1/restart', 400, body => { name => 'one' });
described('POST', "$S/none/$_", 404)
    for qw(skip previous refresh prefetch restart stop start);

# the schedule

my $plan = { timezone => 'UTC', prepare => 30, slots => [
    { at => 'mon-fri 20:00', playlist => $url, start => 'hard',
      until => '20:30', join => $no },
    { every => 900, playlist => $url, count => 1, cursor => 'restart' },
    { filler => $yes, playlist => $url, fit => 'trim' },
] };

described('GET', "$S/$_/schedule", 200) for 'one', 'fixed';
described('PUT', "$S/one/schedule", 200, body => $plan);
described('GET', "$S/one/schedule", 200, what => ', of some slots');
described('GET', "$S/one/plan", 200);
described('GET', "$S/one/plan?from=2020-01-01T00:00:00Z&limit=5", 200);
described('GET', "$S/one/plan?until=x", 400);
described('GET', "$S/one/guide.xml", 200);
described('GET', "$S/one/guide.xml?from=x", 400);
described('GET', "$S/none/guide.xml", 404);
described('GET', "$S/none/plan", 404);
described('POST', "$S/$_/plan/check", 200, body => $plan) for 'one', 'fixed';
described('POST', "$S/one/plan/check", 400, body => { slots => [ {} ] });
described('POST', "$S/one/plan/check", 403, base => '../ro/', body => $plan);
described('POST', "$S/none/plan/check", 404, body => $plan);
described('PUT', "$S/one/schedule", 200, body => { slots => [] });
described('PUT', "$S/one/schedule", 400, body => { slots => [ {} ] });
described('PUT', "$S/one/schedule", 403, base => '../ro/', body => $plan);
described('PUT', "$S/none/schedule", 404, body => $plan);
described('GET', "$S/none/schedule", 404);
described('PUT', "$S/fixed/schedule", 409, body => $plan);
described('PUT', "$S/one/schedule", 412, body => $plan,
          headers => { 'If-Match' => '"x"' });

# outputs

described('PATCH', "$S/full", 200, body => { outputs => [
    { url => $t->push_url('KEY') },
    { name => 'two', url => $t->push_url('KEY2'), role => 'backup',
      via => 'engine', stopped => $no } ] });
described('PATCH', "$S/full", 400, body => { outputs => [ {} ] });
described('POST', "$S/full/outputs/two/$_", 202) for qw(stop start restart);
described('POST', "$S/full/outputs/no/$_", 404) for qw(stop start restart);
described('GET', "$S/full", 200);

# the queue

my $first = described('POST', "$S/one/queue", 202, body => {
    url => $t->media_url('a.mp4'), at => 'end', from => 0.5, until => 1.5,
    then => 'continue', title => 'part' },
    headers => { 'Idempotency-Key' => 'k' });
my $second = described('POST', "$S/fixed/queue", 202, body => {
    index => 0, at => 'next' });
described('POST', "$S/one/queue", 409, body => { index => 0 },
          headers => { 'Idempotency-Key' => 'k' });
described('POST', "$S/one/queue", 400, body => $_)
    for {}, { index => 99 }, { id => 'x' }, { colour => 'red' }, '[',
        { url => 'ftp://example.com/' };
described('POST', "$S/one/queue", 403, base => '../ro/',
          body => { index => 0 });
described('POST', "$S/none/queue", 404, body => { index => 0 });
described('GET', "$S/$_/queue", 200) for 'one', 'fixed';
described('PATCH', "$S/fixed/queue/$second->{id}", 200,
          body => { before => undef });
described('PATCH', "$S/fixed/queue/$second->{id}", 400, body => {});
described('PATCH', "$S/fixed/queue/" . '0' x 16, 404,
          body => { before => undef });
described('DELETE', "$S/fixed/queue/$second->{id}", 204);
described('DELETE', "$S/fixed/queue/$second->{id}", 404);
described('POST', "$S/one/play", 202, body => { index => 0, at => 'next' });
described('POST', "$S/one/play", 400, body => { index => 0, at => 'end' });
described('POST', "$S/none/play", 404, body => { index => 0 });

# lookups

described('POST', '/1/resolve', 200, body => { playlist => $url });
described('POST', '/1/resolve', 200, body => { playlist => $url,
                                               limit => 1 });
described('POST', '/1/resolve', 400, body => { playlist => '-x' });

$t->stub_list('PLnone', entries => [], list => { mode => 'error',
                                                 error => 'missing' });
described('POST', '/1/resolve', 502, body => {
    playlist => 'https://www.youtube.com/playlist?list=PLnone' });

described('POST', '/1/check', 200, body => { stream => 'one', items => 1 });
described('POST', '/1/check', 404, body => { stream => 'none' });
described('POST', '/1/check', 400, body => { playlist => '-x' });

# refusals

for my $try ([ 'POST', $S, { name => 'x', playlist => $url } ],
             [ 'PATCH', "$S/one", { loop => $no } ])
{
    my ($method, $path, $body) = @$try;

    described($method, $path, 400, body => '{');
    described($method, $path, 400, body => { colour => 'red' });
    described($method, $path, 400, body => { %$body, loop => 5 });
    described($method, $path, 413, body => '"' . 'x' x 70000 . '"');
    described($method, $path, 415, body => '{}',
              headers => { 'Content-Type' => 'text/plain' });
    described($method, $path, 403, base => '../ro/', body => $body);
}

described('POST', $S, 400, body => { name => 'x' });
described('POST', $S, 409, body => { name => 'one', playlist => $url });
described('PATCH', "$S/none", 404, body => { loop => $no });
described('PATCH', "$S/fixed", 409, body => { loop => $no });
described('DELETE', "$S/none", 404);
described('DELETE', "$S/fixed", 409);
described('DELETE', "$S/one", 403, base => '../ro/');
described('POST', "$S/one/stop", 403, base => '../ro/');
described('POST', '/1/resolve', 403, base => '../ro/', body => {});
described('POST', '/1/check', 403, base => '../ro/', body => {});

# what no operation describes is a problem document all the same

for my $try ([ 'GET', '/1/none', 404 ], [ 'PUT', $S, 405 ],
             [ 'GET', '/1/nodes', 404 ], [ 'POST', '/1/node/drain', 404 ],
             [ 'DELETE', $S, 405 ], [ 'GET', "$S/one/start", 405 ])
{
    my ($method, $path, $want) = @$try;
    my ($got, $data, $r) = $t->api($method, "api$path");

    is($got, $want, "$method $path: $want");
    is($r->{headers}{'content-type'}, 'application/problem+json',
       'a problem');
    is(join("\n", $api->check($data,
                              { '$ref' => '#/components/schemas/Problem' })),
       '', 'as described');
}

# YouTube

described('POST', $S, 201, body => {
    name => 'tube', playlist => $url, push => $t->push_url('tube'),
    push_via => 'engine', youtube => 'watch', youtube_rollover => 36000,
    youtube_title => '$stream' });
$t->wait_for(sub { $t->field('tube', 'youtube', 'broadcast') }, 10,
             'a broadcast');
described('GET', "$S/tube", 200, what => ' YouTube');
described('POST', "$S/tube/youtube/$_", 200, body => { dry_run => $yes })
    for qw(check revive rollover);
described('POST', "$S/tube/youtube/$_", 202) for qw(check revive rollover);
described('PATCH', "$S/tube", 200, body => {
    youtube => 'off', youtube_rollover => 0, youtube_title => undef });

described('DELETE', "$S/$_", 204) for qw(one full bad kept tube);

# nothing is described that was not tried

my @left;

for my $path (@paths) {
    push @left, grep { !$seen{$_} }
                map { uc($_) . " $path" }
                grep { /^(?:get|put|post|patch|delete)$/ }
                sort keys %{ $doc->{paths}{$path} };
}

is(join("\n", @left), '', 'each operation was tried');
diag('codes seen: ' . join ' ', sort keys %codes);

$t->finish;
