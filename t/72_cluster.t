#!/usr/bin/perl

# Three nodes on an etcd of three members: what a node had is on air elsewhere
# when it dies, without a gap when it leaves, and never from two nodes at a
# time; without etcd all go on, or stop, as is wanted.  CLUSTER_KILLS=100 for
# as many more deaths, with the leader of etcd at the same moment in every
# fourth, and how long the far end had nothing.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Cluster;
use DirectStream::Schema;
use DirectStream::Test;


plan(skip_all => DirectStream::Cluster->missing)
    if DirectStream::Cluster->missing;

my $t = DirectStream::Test->new;
my $c = DirectStream::Cluster->new($t);
$t->allow(qr/exited on signal 9/);
my $slow = $ENV{DS_SLOW} || 1;

$c->etcd(3);
$c->far;

my $url = $t->plain_list('list', 'two.mp4', 'two.mp4');
my %streams = map { ("s$_" => $url) } 1 .. 6;

$c->node($_, \%streams) for qw(a b c);

sub all_on_air {
    my ($seconds, $what, $test) = @_;

    my $from = Time::HiRes::time();
    my $ok = $t->wait_for(sub {
        my $now = $c->on_air;
        return keys %$now == 6 && (!$test || $test->($now));
    }, $seconds * $slow);

    ok($ok, sprintf '%s: %.1f s', $what, Time::HiRes::time() - $from);
    diag(join ' ', map { "$_->[0]-$_->[1]" } $c->intervals) unless $ok;
    return;
}

all_on_air(25, 'all are on air');
ok($t->wait_for(sub { $c->owned('a') eq 'a:2 b:2 c:2' }, 15 * $slow),
   'evenly') or diag($c->owned('a'));

my ($owner, $epoch) = $c->owner('a', 's1');
is(join(' ', $c->owner('b', 's1')), "$owner $epoch", 'any node knows whose');
cmp_ok($epoch, '>', 0, 'and since when');

# the API is as it is described

my $api = DirectStream::Schema->new(($c->api('a', 'GET', 'openapi.json'))[1]);

for (['GET', '/1/nodes', 200], ['POST', '/1/nodes/balance', 202],
     ['POST', '/1/node/drain', 202], ['POST', '/1/node/lost', 200])
{
    my ($method, $path, $want) = @$_;
    my $body = $path =~ /drain/ ? { on => JSON::PP::false } : undef;
    my ($status, $data, $r) = $c->api('a', $method, substr($path, 3), $body);

    is($status, $want, "$method $path");
    is(join("\n", $api->answer($method, $path, $r, $data)), '',
       'as described');
}

my $relay = $c->relay('a');
kill 'KILL', $relay;
ok($t->wait_for(sub { ($c->relay('a') || $relay) != $relay }, 10),
   'another relay worker');
all_on_air(10, 'goes on with what it has', sub {
    return 2 == grep { $_ eq 'a' } values %{ $_[0] };
});
ok($t->wait_for(sub { $c->owned('b') eq 'a:2 b:2 c:2' }, 10 * $slow),
   'nothing moves') or diag($c->owned('b'));
is(($c->owner('b', 's1'))[1], $epoch, 'nor does an epoch');

# a node dies, with all its processes

$t->kill_all('a');
all_on_air(10, 'after a death', sub { !grep { $_ eq 'a' } values %{ $_[0] } });
ok($t->wait_for(sub { $c->owned('b') eq 'b:3 c:3' }, 15 * $slow),
   'evenly, again') or diag($c->owned('b'));

$c->node('a', \%streams);
all_on_air(40, 'it is back, and gets its share', sub {
    return 2 == grep { $_ eq 'a' } values %{ $_[0] };
});

# many die

my %took;

for my $kill (1 .. $ENV{CLUSTER_KILLS} || 0) {
    my $node = (qw(a b c))[ int rand 3 ];
    my @lost = grep { $c->on_air->{$_} eq $node } keys %{ $c->on_air };
    my $leader = $kill % 4 ? -1 : $c->{etcd}->leader;
    my $kind = $leader < 0 ? 'node' : 'node and leader';
    my $since = Time::HiRes::time();

    $c->etcd_kill($leader) if $leader >= 0;
    $t->kill_all($node);
    ok($t->wait_for(sub {
        my $now = $c->on_air;
        6 == keys %$now && !grep { $_ eq $node } values %$now;
    }, 20 * $slow), "death $kill of $node, $kind");

    my ($both, $gap) = $c->judge($since);
    push @{ $took{$kind} }, @{$gap}{@lost};
    is(join("\n", @$both), '', 'never from two at a time');

    $c->etcd_start($leader) if $leader >= 0;
    $c->node($node, \%streams);
    $t->wait_for(sub { $c->owned('a') eq 'a:2 b:2 c:2' }, 40 * $slow);
}

for my $kind (sort keys %took) {
    my @all = sort { $a <=> $b } @{ $took{$kind} };
    my $most = ($kind eq 'node' ? 10 : 12) * $slow;

    diag(sprintf '%s: %d streams, off air for %.1f to %.1f s, half of them '
         . 'for at most %.1f s', $kind, scalar @all, @all[0, -1, @all / 2]);
    cmp_ok($all[-1], '<=', $most, "$kind: at most $most s");
}

# one leaves, as for an upgrade

sub gaps {
    my ($since) = @_;

    my (undef, $gap) = $c->judge($since);
    my ($most) = sort { $b <=> $a } values %$gap, 0;

    return $most;
}

my $since = Time::HiRes::time();
is($c->api('b', 'POST', 'node/drain', { on => JSON::PP::true }), 202,
   'drain');
all_on_air(10, 'what it had is elsewhere', sub {
    !grep { $_ eq 'b' } values %{ $_[0] }
});
cmp_ok(gaps($since), '<=', 1 * $slow, sprintf 'without more than %.2f s',
       gaps($since));

$since = Time::HiRes::time();
is($t->stop_nginx('c', 'QUIT'), 0, 'one quits');
is($c->api('b', 'POST', 'node/drain', { on => JSON::PP::false }), 202,
   'and the other one takes streams');
ok($t->wait_for(sub { join(' ', map { $_->{what} } @{ ($c->api('b', 'GET',
       'changes?what=drain'))[1]{changes} }, @{ ($c->api('b', 'GET',
       'changes?what=drain_off'))[1]{changes} }) eq 'drain drain_off' }, 5),
   'and it is written down that it was asked to');
ok($t->wait_for(sub { $c->owned('a') =~ /^a:(\d) b:(\d)$/ && $1 + $2 == 6 },
                15 * $slow), 'it is known to have left')
    or diag($c->owned('a'));
all_on_air(10, 'all are on air');
is(($c->judge)[0][0], undef, 'never from two nodes at a time');

# etcd is away

$c->etcd_kill($_) for 0 .. 2;
$t->wait_for(sub { ($c->api('a', 'GET', 'nodes'))[1]{failsafe} }, 20);
ok(($c->api('a', 'GET', 'nodes'))[1]{failsafe}, 'failsafe');
all_on_air(5, 'all go on');

$t->kill_all('b');
ok($t->wait_for(sub { !%{ $c->on_air } }, 10),
   'one that does not answer: they stop');

$t->finish;
