#!/usr/bin/perl

# The fault matrix, at the far end: each stream meets one fault, all of them
# at a time.  Of each: how long the slate was on air, the codes of the item,
# the status and the metrics, what was played; no time stamp goes back, there
# is one session, and no arrival gap over 1 s but where nginx-rtmp is killed.
#
# The resolver is down for 20 s; for 120 s when SOAK is set.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $closed = $t->port;
my $no = JSON::PP::false;
my %case;

$t->media;
damage();


# files that are not what they say
sub damage {
    my $data = $t->read_file('www/mid.mp4');

    # without its end; with bits that are wrong in what libav reads last
    $t->write_file('www/short.mp4', substr $data, 0, 200_000);

    srand 38;
    my $flipped = $data;
    my $from = 2 * index $flipped, 'mdat';

    for (1 .. 400) {
        my $at = $from + int rand(length($flipped) - $from);
        substr($flipped, $at, 1) ^= chr 1 << int rand 8;
    }

    $t->write_file('www/flipped.mp4', $flipped);

    substr($data, index($data, 'moov'), 4) ^= 'moov' ^ 'mooo';
    $t->write_file('www/header.mp4', $data);
    return;
}


# another media server, which has an address of its own
sub server {
    my ($host) = @_;

    my $file = $t->dir . "/$host.port";

    $t->run("media-$host", $^X,
            "$DirectStream::Test::ROOT/t/tools/media-server",
            '--root', $t->dir . '/www', '--host', $host, '--port', 0,
            '--port-file', $file);

    my $port = $t->wait_for(sub { ($t->read_file($file) =~ /(\d+)/)[0] }, 10,
                            "the server at $host");
    return "http://$host:$port";
}


sub url {
    return $t->media_url(@_);
}


# entries of a list that needs the resolver: [media, more of the entry]
sub entries {
    my ($name, @media) = @_;

    my $n = 0;

    return $t->stub_list("PL$name", entries => [ map {
        my ($media, %more) = ref $_ ? @$_ : $_;
        $n++;
        (my $id = "$name${n}xxxxxxxxxxx") =~ s/^(.{10}).*/$1$n/;
        $t->stub_entry($id, $media, %more);
    } @media ]);
}


# a case: its playlist, made when it starts, and what is to come of it
sub expect {
    my ($name, $list, %c) = @_;

    $case{$name} = { %c, list => $list };
    return;
}


# some at a time, so that none has to wait at its start
sub start {
    my @names = @_;

    $case{$_}{watch} = $t->watch($_) for @names;

    $t->wait_for(sub {
        my $log = $t->log_of('far');
        return !grep { $log !~ /play: name='$_'/ } @names;
    }, 20, 'the watches');

    while (my @some = splice @names, 0, 6) {
        for my $name (@some) {
            my $list = $case{$name}{list};
            $list = $list->() if ref $list eq 'CODE';
            $list = $t->plain_list($name, @$list) if ref $list;

            $t->create($name, $list, loop => $no,
                       %{ $case{$name}{def} || {} });
        }

        for my $name (@some) {
            $t->wait_for(sub {
                my $s = $t->status($name)->{status};
                return defined $s->{item} && $s->{state} eq 'live';
            }, 5, "$name live");
            $case{$name}{before} = $t->field($name, 'dead_air_ms');
        }
    }

    return;
}


sub metrics {
    my $r = $t->{http}->request('GET', $t->base . '/metrics');

    return $r->{content} =~
        /^directstream_faults_total\{stream="([\w-]+)",code="(\w+)"\} (\d+)/mg;
}


# that no viewer has lost the stream
sub whole {
    my ($name, $flow, $step) = @_;

    is(join("\n", $flow->backward), '', "$name: no backward time stamp");
    cmp_ok($flow->largest_step('V'), '<=', $step,
           "$name: pictures go on") or diag($flow->summary);

    my ($gap, $where) = $flow->largest_gap;
    cmp_ok($gap, '<=', 1000, "$name: no arrival gap over 1 s")
        or diag("$gap ms before DTS $where");
    return;
}


sub verify {
    my ($name, $faults) = @_;

    my $c = $case{$name};
    my ($from, $to) = @{ $c->{dead} };
    my $s = $t->status($name)->{status};
    my @items = $t->items($name);
    my $dead = $s->{dead_air_ms} - $c->{before};

    diag("$name: dead air $dead ms, " . join(' ', map {
        $_->{state} . ($_->{code} ? "($_->{code})" : '') } @items)
        . ', faults: ' . join(' ', map { "$_=$faults->{$name}{$_}" }
                                   sort keys %{ $faults->{$name} || {} }));

    ok($dead >= $from && $dead <= $to,
       "$name: dead air of $from to $to ms") or diag("$dead ms");

    like(join(' ', map { $_->{state} } @items), qr/^$c->{states}$/,
         "$name: what was played") or diag(explain(\@items));

    my ($code) = map { $_->{code} || () } @items;
    is($code, $c->{code}, "$name: the item's code") if $items[0]{state}
        eq 'failed' || $c->{states} !~ /\(/;
    is($s->{error} && $s->{error}{code}, $c->{code},
       "$name: the status's code");

    for my $fault (@{ $c->{faults} || [] }) {
        cmp_ok($faults->{$name}{$fault} || 0, '>=', 1,
               "$name: $fault is counted");
    }

    is($s->{output}{reconnects}, 0, "$name: one session");
    whole($name, $t->watched($c->{watch}), $to < 400 ? 100 : 210);
    return;
}


# until all have come to their end
sub ends {
    my ($seconds, @names) = @_;

    for my $name (@names) {
        if ($case{$name}{waits}) {
            ok($t->wait_for(sub {
                join(' ', map { $_->{state} } $t->items($name))
                    eq $case{$name}{states}
                && $t->state($name) eq 'stalled';
            }, $seconds), "$name: all but one");
            next;
        }

        ok($t->wait_state($name, 'finished', $seconds), "$name: to its end");
    }

    my %faults;
    my @m = metrics();

    while (my ($name, $code, $n) = splice @m, 0, 3) {
        $faults{$name}{$code} = $n;
    }

    for my $name (@names) {
        verify($name, \%faults);
        $t->api('DELETE', "api/1/streams/$name");
    }

    return;
}


$t->far;
$t->near(directstream => 'source_timeout 3s; resolve_timeout 5s;'
                         . ' preflight off;',
         http => 'location = /metrics { directstream_metrics; }');

# a second is for a machine that is busy: what is not mended costs more

my $good = 'played failed played';
my @covered = (dead => [500, 3500], states => $good);
my @quick = (dead => [0, 2000], states => $good);
my @mended = (dead => [0, 1000], states => 'played played played');
my @starved = (dead => [2500, 4500], states => 'failed played');

# it has its turn once more before the end
my @again = (dead => [2500, 30000], states => 'failed played');

# another host's: it is still waited for when all else has been played
my @waits = (dead => [0, 600000], states => 'played pending played',
             waits => 1);

# the next item keeps us waiting: the one after it goes first

expect('drip', [ 'a.mp4', url('a.mp4', 'drip=100'), 'mid.mp4' ],
       @covered, code => 'source_timeout', faults => ['source_timeout']);
expect('hang', entries('hang', 'a.mp4', [ 'b.mp4', fault => 'hang' ],
                       'mid.mp4'),
       @covered, code => 'resolver_timeout', faults => ['resolver_timeout']);
expect('late', entries('late', 'a.mp4', [ 'b.mp4', latency => 4.5 ],
                       'mid.mp4'),
       @covered, states => 'played played played');
expect('limited', [ 'a.mp4', server('127.0.0.2')
                    . '/b.mp4?status=429&retry=2', 'mid.mp4' ],
       @waits, code => 'source_rate_limited',
       faults => ['source_rate_limited']);

# known soon enough, it is not seen
expect('ahead', [ 'two.mp4', url('a.mp4', 'hang=1'), 'mid.mp4' ],
       dead => [0, 800], states => $good, code => 'source_timeout');

# what cannot be mended

expect('refused', [ 'a.mp4', "http://127.0.0.1:$closed/a.mp4", 'c.mp4' ],
       @waits, code => 'source_refused', faults => ['source_refused']);
expect('dns', [ 'a.mp4', 'http://no-such-host.invalid/a.mp4', 'c.mp4' ],
       @waits, code => 'source_dns', faults => ['source_dns']);
expect('ever500', [ 'a.mp4', url('a.mp4', 'status=500'), 'c.mp4' ],
       @quick, code => 'source_http', faults => ['source_http']);
expect('forbidden', [ 'a.mp4', url('b.mp4', 'status=403'), 'c.mp4' ],
       @quick, code => 'source_forbidden', faults => ['source_forbidden']);
expect('notfound', [ 'a.mp4', url('b.mp4', 'status=404'), 'c.mp4' ],
       @quick, code => 'source_not_found', faults => ['source_not_found']);
expect('html', [ 'a.mp4', url('b.mp4', 'html=1'), 'c.mp4' ],
       @quick, code => 'source_invalid', faults => ['source_invalid']);
expect('header', [ 'a.mp4', 'header.mp4', 'c.mp4' ],
       @quick, code => 'source_invalid', faults => ['source_invalid']);
expect('address', entries('address', 'a.mp4',
           url('b.mp4', 'status=403&ip=2001:db8::1'), 'c.mp4'),
       @quick, code => 'source_address', faults => ['source_address']);
expect('itemdns', entries('itemdns', 'a.mp4',
           [ 'b.mp4', fault => { mode => 'error', error => 'dns' } ],
           'c.mp4'),
       @quick, code => 'resolver_network', faults => ['resolver_network']);

# what is mended, unseen

expect('once500', [ 'a.mp4', url('mid.mp4', 'status=500&first=1&n=1'),
                    'c.mp4' ], @mended, faults => ['source_http']);
expect('oncecut', [ 'a.mp4', url('mid.mp4', 'cut=150000&first=1&n=2'),
                    'c.mp4' ], @mended, faults => ['source_cut']);
expect('once429', [ 'two.mp4', server('127.0.0.3')
                    . '/mid.mp4?status=429&retry=2&first=1', 'c.mp4' ],
       @mended, faults => ['source_rate_limited']);
expect('expired', sub {
    my $soon = url('mid.mp4', 'expire=' . (int(Time::HiRes::time()) + 4));
    return entries('expired', 'a.mp4',
                   [ $soon, calls => [ [$soon], [ url('mid.mp4') ] ],
                     chunk => 32768 ], 'c.mp4');
}, @mended);
expect('fresh', sub {
    my $old = url('mid.mp4', 'status=403&skip=4&n=4');
    return entries('fresh', 'a.mp4',
                   [ $old, calls => [ [$old], [ url('mid.mp4') ] ],
                     chunk => 32768 ], 'c.mp4');
}, @mended, faults => ['source_gated']);
expect('early', sub {
    return entries('early', 'two.mp4',
                   url('b.mp4', 'until=' . int(Time::HiRes::time() + 2)),
                   'c.mp4');
}, @mended, faults => ['source_too_early']);

# in the middle of an item: what has come is played

expect('gated', entries('gated', [ url('mid.mp4', 'gate=150000'),
                                   chunk => 32768 ], 'c.mp4'),
       dead => [0, 1000], states => 'failed played', code => 'source_gated',
       faults => ['source_gated']);
expect('overdue', entries('overdue', 'a.mp4',
           [ 'mid.mp4', chunk => 32768, expires_in => 4 ], 'c.mp4'),
       @quick, code => 'source_expired', faults => ['source_expired']);
expect('evercut', [ url('mid.mp4', 'cut=150000&n=3'), 'c.mp4' ],
       @starved, code => 'source_cut', faults => ['source_cut']);
expect('stalled', [ url('mid.mp4', 'stall=150000'), 'c.mp4' ],
       @again, code => 'source_stalled', faults => ['source_stalled']);
# the outage ends before its next turn, or not
expect('stall30', [ url('mid.mp4', 'outage=150000-30000'), 'c.mp4' ],
       dead => [2500, 40000], states => '(?:failed|played) played',
       code => 'source_stalled', faults => ['source_stalled']);
expect('slow', [ url('mid.mp4', 'drip=100&from=150000'), 'c.mp4' ],
       @again, code => 'source_stalled');
# up to 2 of its 8 s, to the next key frame
expect('stall5', entries('stall5', [ url('mid.mp4', 'outage=230000-5000'),
                                     chunk => 16384 ], 'c.mp4'),
       dead => [200, 4000], states => 'failed played',
       code => 'source_stalled', faults => ['source_stalled']);

# media that is not all there, or not what it says

expect('longer', [ url('a.mp4', 'length=5000'), 'mid.mp4', 'c.mp4' ],
       @mended, faults => ['source_cut']);
expect('shorter', [ url('a.mp4', 'length=-5000'), 'mid.mp4', 'c.mp4' ],
       @mended);
# more than a tenth is missing
expect('short', [ 'a.mp4', 'short.mp4', 'c.mp4' ], @mended, states => $good,
       code => 'source_cut');
expect('flipped', [ 'a.mp4', 'flipped.mp4', 'c.mp4' ], @mended);

my @some = sort keys %case;

start(@some);
ends(45, @some);

like($t->log_of, qr/"late": item 2 on air.*"late": item 1 on air/s,
     'late: the slow item has its turn afterwards');

# with a large buffer; and what concerns more than one item

$t->stop_nginx('near', 'QUIT');
$t->near(directstream => 'source_timeout 3s; resolve_timeout 5s;'
                         . ' preflight off;'
                         . ' buffer 20s 16m;',
         http => 'location = /metrics { directstream_metrics; }');

expect('ridden', entries('ridden', [ url('mid.mp4', 'outage=230000-5000&n=5'),
                                     chunk => 16384 ], 'c.mp4'),
       dead => [0, 350], states => 'played played',
       faults => ['source_stalled']);
expect('down', sub { down() }, def => { loop => JSON::PP::true });

start('ridden', 'down');
resolver_down($ENV{SOAK} ? 120 : 20);
ends(20, 'ridden');

expect('killed', [ 'long.mp4' ]);
expect('closing', [ 'long.mp4' ], def => { push_via => 'engine' });
start('killed', 'closing');
killed();
closing();

$t->finish;


# a list that needs the resolver for each item, which may fail
sub down {
    my ($fault) = @_;

    return $t->stub_list('PLdown', list => $fault, first => $fault,
                         item => $fault, entries => [ map {
        $t->stub_entry("downxxxxxx$_", 'a.mp4') } 1 .. 3 ]);
}


# there is the slate meanwhile, and soon the programme again
sub resolver_down {
    my ($seconds) = @_;

    my $from = $t->now;
    down({ mode => 'error', error => 'refused' });

    ok($t->wait_state('down', 'stalled', 10), 'down: stalled');
    ok($t->wait_error('down', 'resolver_network', 10), 'down: its code');
    ok($t->field('down', 'slate_on_air'), 'down: the slate is on air');

    $t->wait_for(sub { $t->now - $from > 1000 * $seconds }, $seconds + 5);
    is($t->state('down'), 'stalled', 'down: until the resolver is back');

    down();
    ok($t->wait_state('down', 'live', 35), 'down: then the programme');
    ok($t->wait_for(sub { ($t->items('down'))[1]{state} eq 'playing' }, 10),
       'down: which goes on');

    my $dead = $t->field('down', 'dead_air_ms') - $case{down}{before};
    my $max = ($seconds > 60 ? 32 : 18) + $seconds;
    ok($dead > 1000 * ($seconds - 6) && $dead < 1000 * $max,
       "down: dead air of $seconds s and the wait") or diag("$dead ms");

    is($t->field('down', 'output', 'reconnects'), 0, 'down: one session');

    my %faults;
    my @m = metrics();

    while (my ($name, $code, $n) = splice @m, 0, 3) {
        $faults{$name}{$code} = $n;
    }

    cmp_ok($faults{down}{resolver_network} || 0, '>=', 3,
           'down: the faults are counted');
    $t->api('DELETE', 'api/1/streams/down');
    whole('down', $t->watched($case{down}{watch}), 210);
    return;
}


# nginx-rtmp dies with the session, and is there again
sub killed {
    my $relay = $t->relay_pid;
    my $last = $t->flow($case{killed}{watch})->last('V');

    kill 'KILL', grep { $_ != $relay } $t->worker_pids;
    $t->allow(qr/exited on signal 9/);

    ok($t->wait_for(sub { $t->field('killed', 'output', 'reconnects') == 1 },
                    10), 'killed: another session');

    my $now = $t->now;
    ok($t->wait_flow($case{killed}{watch}, sub {
        my $p = $_->last('V');
        return $p && $p->{at} > $now + 500;
    }, 15), 'killed: it goes on at the far end');

    is($t->field('killed', 'state'), 'live', 'killed: live');
    is($t->field('killed', 'playlist', 'failed'), 0,
       'killed: nothing of the item is lost for it');
    cmp_ok($t->field('killed', 'dead_air_ms') - $case{killed}{before}, '<',
           4000, 'killed: dead air');
    return;
}


# the far end closes: the engine pushes again, nothing is felt before it;
# nginx-rtmp does not, but in the stream's next session
sub closing {
    my %before = map { $_ => $t->status($_)->{status} } qw(killed closing);

    kill 'KILL', $t->worker_pids($t->master_pid('far'));

    my %w = map { $_ => $t->watch($_, name => "$_-again") } keys %before;

    ok($t->wait_packet($w{closing}, 15), 'closing: pushed again');
    $t->wait_for(sub { $t->field('closing', 'push', 'reconnects') }, 5);
    is($t->field('closing', 'push', 'reconnects'), 1,
       'closing: another session of the push');

    for my $name (sort keys %before) {
        my $s = $t->status($name)->{status};

        is($s->{state}, 'live', "$name: far end gone: live");
        is($s->{output}{reconnects}, $before{$name}{output}{reconnects},
           "$name: far end gone: the session stays");
        cmp_ok($s->{dead_air_ms} - $before{$name}{dead_air_ms}, '<=', 350,
               "$name: far end gone: no dead air");
    }

    is(scalar $t->api('POST', 'api/1/streams/killed/restart'), 202,
       'killed: restart');
    ok($t->wait_packet($w{killed}, 15), 'killed: pushed by nginx-rtmp again');

    for my $name (sort keys %w) {
        $t->api('DELETE', "api/1/streams/$name");
        is(join("\n", $t->watched($w{$name})->backward), '',
           "$name: no backward time stamp");
    }

    return;
}
