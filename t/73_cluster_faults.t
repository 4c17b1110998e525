#!/usr/bin/perl

# Never two publishers: nodes, etcd and the far end are in network namespaces;
# what they send is dropped one way and both ways, processes are paused and
# killed, members of etcd die.  The far end records who publishes when.
# SOAK_FAULTS=300 for many.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Cluster;
use DirectStream::Test;


my $why = DirectStream::Cluster->missing
          || DirectStream::Cluster::Net->missing;
plan(skip_all => $why) if $why;

my $t = DirectStream::Test->new;
my $net = DirectStream::Cluster::Net->new(qw(e0 e1 e2 far a b c));
my $c = DirectStream::Cluster->new($t, host => sub { $net->address(@_) },
                                   wrap => sub { $net->wrap(@_) });
my $rounds = $ENV{SOAK_FAULTS} || 2;
my @nodes = qw(a b c);
my @etcd = qw(e0 e1 e2);
my $seed = $ENV{SOAK_SEED} || int rand 1e6;

srand $seed;
diag("seed $seed");
$t->allow(qr/exited on signal 9/);

$c->etcd(3);
$c->far;

# no list is found: the slate is on air
my %streams = map { ("s$_" => 'http://127.0.0.1:1/list.json') } 1 .. 3;

sub all_on_air {
    my ($seconds) = @_;
    return $t->wait_for(sub { keys %{ $c->on_air } == keys %streams },
                        $seconds * ($ENV{DS_SLOW} || 1));
}

# that the checker sees it: a node whose clock is slow goes on for too long

my $slow = $t->dir . '/slow.so';
my ($cc, $said) = $t->command(split(' ', $ENV{CC} || 'cc'), '-shared',
                              '-fPIC', '-o', $slow,
                              "$FindBin::Bin/tools/slow.c", '-ldl');
is($cc, 0, 'a clock that is slow') or diag($said);

# it reads its own clock when it begins; the others get their share of what it
# has
$c->node('a', \%streams, env => ["LD_PRELOAD=$slow"]);
ok(all_on_air(40), 'all are on air');
$c->node($_, \%streams) for qw(b c);
ok($t->wait_for(sub {
    my %who = map { $_ => 1 } values %{ $c->on_air };
    return $who{a} && ($who{b} || $who{c});
}, 60), 'by more than one') or diag(join ' ', values %{ $c->on_air });

$net->cut('a', @etcd, 'b', 'c');
$t->wait_for(sub { @{ ($c->judge)[0] } }, 30);
my ($both) = $c->judge;
isnt(scalar @$both, 0, 'seen without the deadline: ' . ($both->[0] // ''));
$net->mend;

$t->kill_all($_) for @nodes;
unlink glob $t->dir . '/far/record/*';

# with it

$c->node($_, \%streams) for @nodes;
ok(all_on_air(40), 'all are on air');

my %faults = (
    'etcd is not reached' => sub { $net->cut($_[0], @etcd) },
    'nobody but the far end is reached' => sub {
        $net->cut($_[0], @etcd, grep { $_ ne $_[0] } @nodes);
    },
    'etcd does not reach it' => sub { $net->cut($_, $_[0]) for @etcd },
    'it is cut off' => sub { $net->off($_[0]) },
    'it is paused' => sub {
        my @pids = ($t->master_pid($_[0]));
        push @pids, $t->descendants($pids[0]);
        kill 'STOP', @pids;
        return sub { kill 'CONT', @pids };
    },
    'it is killed' => sub {
        my ($node) = @_;
        $t->kill_all($node);
        return sub { $c->node($node, \%streams) };
    },
    'a member of etcd is killed' => sub {
        my $i = int rand 3;
        $c->etcd_kill($i);
        return sub { $c->etcd_start($i) };
    },
);

for my $round (1 .. $rounds) {
    my $node = $nodes[ int rand @nodes ];
    my @names = sort keys %faults;
    my $name = $names[ int rand @names ];
    my $seconds = 1 + rand($ENV{SOAK_FAULTS} ? 30 : 9);

    my $mend = $faults{$name}->($node);
    Time::HiRes::sleep($seconds);
    $mend->() if ref $mend eq 'CODE';
    $net->mend;

    ok(all_on_air(60), sprintf 'round %d, %s: %s, %.1f s', $round, $node,
       $name, $seconds);

    my ($both) = $c->judge;
    is(join("\n", @$both), '', 'never from two nodes at a time');
    last if @$both;
}

# those that were cut off never said goodbye to it
$t->stop_nginx($_, 'QUIT') for @nodes;
$t->stop_nginx('far', 'TERM');

$t->finish;
