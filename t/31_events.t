#!/usr/bin/perl

# Server-sent events: what a client is told at first and then, what it is
# told again when it comes back, and when it is closed.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Events;


my $t = DirectStream::Test->new;
$t->far;

my $title = "a \"quote\" \\ <b onload='x'>&amp;\n\ndata: x\r\nevent: log"
            . "\x{5e9}\x{5dc}\x{202e}\x{2028}" . "\x{1f600}" x 30;

my $url = $t->stub_list('PLevents', entries => [
    $t->stub_entry('eventitem01', 'long.mp4', duration => 60,
                   title => $title),
    $t->stub_entry('eventitem02', 'long.mp4', duration => 60,
                   title => 'x' x 10240),
]);
my $bad = $t->stub_list('PLbad', entries => [
    $t->stub_entry('eventitem03', 'missing.mp4'),
]);

# a listener with a small buffer shows a slow client early

my ($slow, $h2) = ($t->port, $t->port);
$t->near_write(main => 'worker_shutdown_timeout 20s;',
    directstream => "stream fixed { playlist $url; }",
    http => "listen 127.0.0.1:$slow sndbuf=4k; listen 127.0.0.1:$h2 http2;"
            . "gzip on; gzip_types *; gzip_min_length 1;\n"
            . 'gzip_http_version 1.0;'
            . 'location /ro/ { directstream_admin; }');
$t->start_nginx('near');


sub events {
    my (%args) = @_;
    return DirectStream::Events->new($t, %args);
}


# what is told at first

ok($t->wait_state('fixed', 'live'), 'live');

my ($status) = $t->create('one', $url, start => JSON::PP::false,
                          push => $t->push_url('SECRETKEY'));
is($status, 201, 'created');

my $e = events();
my $one = $e->wait_event('stream', sub { $_->{name} eq 'one' });

is_deeply($one, $t->status('one'), 'a stream as the API shows it');
is(scalar(my @s = $e->got('stream', sub { $_->{name} eq 'fixed' })), 1,
   'each stream once');
is($e->{events}[0]{retry}, 2000, 'retry');
like($e->{head}, qr{^HTTP/1.1 200 }, 'status');
like($e->{head}, qr{^Content-Type: text/event-stream\r$}m, 'type');
like($e->{head}, qr{^Cache-Control: no-store\r$}m, 'not to be stored');
like($e->{head}, qr{^X-Accel-Buffering: no\r$}m, 'nor to be buffered');
is(scalar($e->got('log')), 0, 'nothing of the past unasked');

# one that does not read, with more to be told than the sockets hold

$t->create("more$_", $url, start => JSON::PP::false) for 1 .. 60;

socket my $idle, Socket::AF_INET(), Socket::SOCK_STREAM(), 0 or die "$!\n";
setsockopt $idle, Socket::SOL_SOCKET(), Socket::SO_RCVBUF(), 2048;
connect $idle, Socket::sockaddr_in($slow, Socket::inet_aton('127.0.0.1'))
    or die "connect: $!\n";
$idle->blocking(0);
syswrite $idle, "GET /directstream/api/1/events?since=0 HTTP/1.0\r\n\r\n";

# what happens

$t->api('POST', 'api/1/streams/one/start');

for my $state (qw(resolving live)) {
    my $l = $e->wait_event('log', sub {
        $_->{stream} eq 'one' && ($_->{state} || '') eq $state }, 15);
    is($l->{type}, 'state', "log: $state");
    like($l->{at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'at');
}

ok($e->wait_event('log', sub {
       $_->{stream} eq 'one' && $_->{type} eq 'output' }), 'log: output');

my $item = $e->wait_event('log', sub {
    $_->{stream} eq 'one' && $_->{type} eq 'item' });
is($item->{item}{index}, 0, 'log: item');
is($item->{item}{id}, 'eventitem01', 'its id');
like($item->{item}{title}, qr/^a "quote" \\ <b onload='x'>&amp;/,
     'its title');
unlike($item->{item}{title}, qr/\x{fffd}/, 'cut at a character');

ok($e->wait_event('stream', sub {
       $_->{name} eq 'one' && $_->{status}{state} eq 'live'
       && $_->{status}{item} }), 'and the stream itself');

my $p = $e->wait_event('progress', sub {
    $_->{name} eq 'one' && $_->{position} > 1 }, 15);
is(join(' ', sort keys %$p),
   'buffer_ms bytes dead_air_ms fetching name position',
   'progress');
cmp_ok($p->{bytes}, '>', 0, 'its bytes');

# only the counters change now: there is progress, and no other event

$t->wait_for(sub { $t->field('one', 'next', 'ready') }, 10, 'the next one');

my ($streams, $progress) = map { scalar($e->got($_, sub {
    $_->{name} eq 'one' })) } qw(stream progress);
ok($t->wait_for(sub { $e->got('progress', sub { $_->{name} eq 'one' })
                      >= $progress + 3 }, 10), 'more progress');
cmp_ok($e->got('stream', sub { $_->{name} eq 'one' }), '<=', $streams + 1,
       'counters alone are no event');

$t->api('POST', 'api/1/streams/one/skip');
$item = $e->wait_event('log', sub {
    $_->{type} eq 'item' && $_->{item}{index} == 1 });
like($item->{item}{title}, qr/^x{60,255}$/, 'a long title is cut');

$t->create('bad', $bad);
my $error = $e->wait_event('log', sub {
    $_->{stream} eq 'bad' && $_->{type} eq 'error' }, 20);
is($error->{code}, $t->field('bad', 'error', 'code'), 'log: error, its code');
ok(length $error->{message}, 'its message');

is($t->api('DELETE', 'api/1/streams/bad'), 204, 'delete');
is_deeply($e->wait_event('removed'), { name => 'bad' }, 'removed');

$t->api('POST', 'api/1/streams/one/stop');
ok($e->wait_event('log', sub {
       $_->{stream} eq 'one' && ($_->{state} || '') eq 'stopped' }),
   'log: stopped');
ok($e->wait_event('stream', sub {
       $_->{name} eq 'one' && $_->{status}{state} eq 'stopped'
       && !$_->{running} }), 'and the stream');

# the frame of events holds whatever is in them

is(scalar(grep { $_->{event} && !$_->{json} } @{ $e->{events} }), 0,
   'each event has an object');
is(scalar(grep { $_->{lines} > 3 } @{ $e->{events} }), 0, 'of one line');
is(join(' ', grep { !/^(?:stream|progress|removed|log)$/ }
             map { $_->{event} || () } @{ $e->{events} }), '',
   'and a name we know');

my @ids = map { $_->{json}{id} == $_->{id} ? $_->{id} : 'unlike' }
          grep { defined $_->{id} } @{ $e->{events} };
is(join(' ', @ids), join(' ', $ids[0] .. $ids[-1]), 'ids without a gap');

# what was missed

my $mid = $ids[@ids / 2];

for my $try ([ last => $mid ],
             [ path => "/directstream/api/1/events?since=$mid" ],
             [ path => '/directstream/api/1/events?since=0',
               last => $mid ])
{
    my $again = events(@$try);
    $again->wait_event('log', sub { $_->{id} == $ids[-1] });
    is(join(' ', map { $_->{id} } $again->got('log')),
       join(' ', $mid + 1 .. $again->last_id), "after @$try");
}

my $all = events(path => '/directstream/api/1/events?since=0');
$all->wait_event('log', sub { $_->{id} == $ids[-1] });
my %seen = map { $_->{stream} => 1 } $all->got('log', sub {
    $_->{type} ne 'change' });
is(join(' ', sort keys %seen), 'bad fixed one', 'all that is kept');
$all->close;

is($t->api('GET', 'api/1/events?since=x'), 400, 'a bad since');
is($t->api('POST', 'api/1/events', {}), 405, 'POST');
is($t->api('HEAD', 'api/1/events'), 200, 'HEAD');

my $ro = events(path => '/ro/api/1/events');
ok($ro->wait_event('stream'), 'read-only');
$ro->close;

# many, who all get the same, and of whom nothing is left

my @workers = grep { $t->cmdline($_) =~ /worker process/ }
              $t->descendants($t->master_pid);


sub sockets {
    return scalar grep { (readlink || '') =~ /^socket/ }
                  map { glob "/proc/$_/fd/*" } @workers;
}


my $before = sockets();
my @many = map { events() } 1 .. 100;
ok($_->wait_event('stream', sub { $_->{name} eq 'one' }), 'told')
    or last for @many;

$t->api('PATCH', 'api/1/streams/one', { loop => JSON::PP::false });

ok($t->wait_for(sub {
    @many == grep { $_->got('stream', sub {
        $_->{name} eq 'one' && !$_->{loop} }) } @many }, 10),
   'a hundred clients are told of a change');
$_->close for @many;
ok($t->wait_for(sub { sockets() <= $before }, 5), 'those that left are gone');

# one that does not read

ok($t->wait_for(sub { $t->log_of =~ /client of events is too slow/ }, 20),
   'the one that does not read is too slow');
ok($t->wait_for(sub {
    my $n = sysread $idle, my $data, 65536;
    return defined $n && $n == 0 || $!{ECONNRESET};
}, 5), 'and closed');
close $idle;

# a reload: closed, and the ids go on

my $last = $e->last_id;
my $curl = $t->run('curl', 'curl', '-sN', $t->base
                   . '/directstream/api/1/events');
my $curl2 = $t->run('curl2', 'curl', '-sN', '--http2-prior-knowledge',
                    "http://127.0.0.1:$h2/directstream/api/1/events");
ok($t->wait_for(sub { $t->read_file('curl.out') =~ /event: stream/ }, 5),
   'HTTP/1.1');
ok($t->wait_for(sub { $t->read_file('curl2.out') =~ /event: stream/ }, 5),
   'HTTP/2');

$t->signal('HUP');
ok($e->wait_end(5), 'a reload closes clients');
is($t->wait_pid($_, 5), 0, 'in the way HTTP has') for $curl, $curl2;

# nginx-rtmp keeps them for a stream on air
$t->api('POST', 'api/1/streams/fixed/stop');
ok($t->wait_for(sub { !grep { $t->stat_of($_) } @workers }, 15),
   'old workers leave');

$e = events(last => $last);
$t->api('POST', 'api/1/streams/one/start');
$e->wait_event('log', sub { $_->{id} > $last });
cmp_ok(($e->got('log'))[0]{id}, '==', $last + 1, 'ids go on');

# the relay worker hangs, which is no matter of one stream alone

ok($t->wait_for(sub { (my @p = $t->relay_pids) == 1 }, 10),
   'the old relay worker leaves');
my ($relay) = $t->relay_pids;
kill 'STOP', $relay;
for my $name (qw(fixed one)) {
    ok($e->wait_event('stream', sub {
           $_->{name} eq $name && $_->{status}{stale} }), "$name is stale");
}
my $stale = @{ $e->{events} };
kill 'CONT', $relay;
ok($t->wait_for(sub {
    $e->take;
    my @e = @{ $e->{events} };
    return grep { ($_->{event} || '') eq 'stream'
                  && !$_->{json}{status}{stale} } @e[$stale .. $#e];
}, 5), 'and no more');

# the relay worker dies: what comes after is told

$last = $e->last_id;
$t->allow(qr/exited on signal 9/);
kill 'KILL', $t->relay_pids;
ok($e->wait_event('log', sub {
       $_->{id} > $last + 1 && ($_->{state} || '') eq 'live' }, 20),
   'and after the relay worker died');

my $raw = join '', map { $_->take->{raw} } $e, $all, $ro, @many;
unlike($raw, qr/SECRETKEY|ds_token/, 'no key and no token');

# nginx ends as fast as it does without them

my $from = $t->now;
is($t->stop_nginx('near', 'QUIT'), 0, 'quit');
cmp_ok($t->now - $from, '<', 4000, 'at once');

$t->finish;
