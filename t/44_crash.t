#!/usr/bin/perl

# An item that takes the relay worker down: it is named, and it does so once;
# the other streams are back at once.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $log = $t->dir . '/as-run.log';
my $SYS_tgkill = 234;

sub threads {
    my ($pid, $name) = @_;

    return sort { $a <=> $b }
           map { $t->read_file($_) =~ /^$name$/m && m{/(\d+)/comm$} ? $1 : () }
           glob "/proc/$pid/task/*/comm";
}

sub died {
    my ($pid) = @_;

    $t->allow(qr/worker process $pid exited on signal/);
    return $t->wait_for(sub { !grep { $_ == $pid } $t->relay_pids }, 5);
}

sub back {
    my ($old) = @_;

    return $t->wait_for(sub {
        !grep { ($t->field($_, 'owner_pid') || $old) == $old
                || $t->state($_) ne 'live' } qw(one two);
    }, 5);
}

my $long = $t->plain_list('long', 'long.mp4');
my $list = $t->stub_list('PLcrash', entries => [
    $t->stub_entry('crash-first', 'mid.mp4', duration => 8),
    $t->stub_entry('crash-bad', $t->media_url('b.mp4', 'hang=1')),
    $t->stub_entry('crash-last', 'two.mp4', duration => 4),
]);

$t->near(main => 'working_directory ' . $t->dir . "/stub;\n",
         directstream => <<"END");
    preflight off;
    directstream_log_format short '\$stream \$outcome \$index \$id "\$code"';
    directstream_log $log short;
    stream one { playlist $long; }
    stream two { playlist $long; }
END

ok($t->wait_state($_, 'live'), "$_: live") for qw(one two);

# each has its item and the next one open: none of theirs comes later

my $relay = $t->relay_pid;
my %other;

ok($t->wait_for(sub {
    %other = map { $_ => 1 } threads($relay, 'ds-source');
    return keys %other == 4 }, 10), 'they have looked ahead');

$t->create('bad', $list);
ok($t->wait_state('bad', 'live'), 'bad: live');
ok($t->wait_for(sub {
    grep { "@{ $_->{argv} }" =~ /crash-bad/ } $t->stub_calls }, 10),
   'the next item is being opened');

# by the youngest thread, which has asked for it; none looks ahead

my @new = grep { !$other{$_} } threads($relay, 'ds-source');
ok(@new, 'a thread for it') or diag("@new");

$t->allow(qr/item 1 took the relay worker down|item 1 failed: item_crashed/);
is(syscall($SYS_tgkill, $relay + 0, $new[-1] + 0, 11), 0, 'it crashes');
ok(died($relay), 'and the relay worker with it');
ok(back($relay), 'the others are back within 5 s');

my $next = $t->relay_pid;
my @named = $t->log_of =~ /(directstream "bad": item 1 took the relay .*)/g;
is(scalar @named, 1, 'it is named, once');
like($named[0], qr/signal 11 in thread "ds-source".*"crash-bad"/, 'in full');
ok($t->wait_error('bad', 'item_crashed', 5), 'in the status');
ok($t->wait_state('bad', 'live'), 'its stream is live');

ok($t->wait_for(sub {
    $t->read_file($log) =~ /^bad failed 1 crash-bad "item_crashed"$/m }, 15),
   'in the as-run log');
ok($t->wait_for(sub {
    ($t->field('bad', 'item', 'index') || 0) == 2 }, 15), 'the next one plays');

my ($item) = grep { $_->{index} == 1 } $t->items('bad');
is($item->{state}, 'failed', 'the item has failed');
is($item->{code}, 'item_crashed', 'of that');
is($t->relay_pid, $next, 'and nothing else has crashed');

# the next pass tries it again

ok($t->wait_for(sub {
    my ($i) = grep { $_->{index} == 1 } $t->items('bad');
    return $i->{state} eq 'next' }, 15), 'its turn comes with the next pass');

# again and again, in a thread of no stream

for my $n (2, 3) {
    $relay = $t->relay_pid;
    $t->allow(qr/a relay worker died of signal 6/);
    kill 'ABRT', $relay;
    ok(died($relay), "crash $n");
    ok(back($relay), 'the streams are back');
}

like($t->log_of, qr/three relay workers died within a minute/, 'said');
ok($t->wait_state($_, 'live'), "$_: live") for qw(one two bad);

$t->finish;
