#!/usr/bin/perl

# An upgrade by USR2 and WINCH, and its roll-back by HUP and QUIT, on air: off
# air for at most three seconds each time, one publisher, at the same place.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLback', entries => [
    $t->stub_entry('rollback001', 'long.mp4', duration => 60),
]);

$t->near(directstream => "stream up { playlist $url; push "
         . $t->push_url('up') . '; }', daemon => 1);

my $w = $t->watch('up');
ok($t->wait_packet($w), 'on air');

my $old = $t->master_pid;
my $limit = 3000 * ($ENV{DS_SLOW} || 1);


# off air between what was on air before and what is after; ms
sub changed {
    my ($what, $owner, $from) = @_;

    my $before = $t->field('up', 'owner_pid');

    ok($t->wait_for(sub {
        my $pid = $t->field('up', 'owner_pid') || 0;
        return $pid && scalar(grep { $_ == $pid } $owner->())
               && $t->state('up') eq 'live';
    }, 15), "$what: live with another owner");

    my $flow = $t->wait_flow($w, sub { $_->last('V')->{at} > $t->now - 500
                                       && $t->now > $from + 2000 }, 15);

    my ($gap, $last) = (0, $from);

    for my $p (grep { $_->{track} eq 'V' && $_->{at} > $from }
               $flow->packets)
    {
        $gap = $p->{at} - $last if $p->{at} - $last > $gap;
        $last = $p->{at};
    }

    diag(sprintf '%s: off air for %d ms', $what, $gap);
    cmp_ok($gap, '<=', $limit, "$what: off air for at most $limit ms");
}


$t->signal('USR2');
ok($t->wait_for(sub { ($t->master_pid || $old) != $old }, 10),
   'a new master');

my $new = $t->master_pid;
ok($t->wait_for(sub { scalar $t->relay_pids($new) }, 5),
   'it has a relay worker');

my $from = $t->now;
kill 'WINCH', $old;
changed('upgrade', sub { $t->relay_pids($new) }, $from);

my $position = $t->field('up', 'item', 'position');
cmp_ok($position, '>', 0.5, 'it goes on where it was');

# back: the old master starts its workers again

kill 'HUP', $old;
ok($t->wait_for(sub { scalar $t->relay_pids($old) }, 10),
   'the old master has a relay worker again');

$from = $t->now;
kill 'QUIT', $new;
changed('roll-back', sub { $t->relay_pids($old) }, $from);

ok(!defined $t->field('up', 'error') || !$t->field('up', 'error', 'code'),
   'no error');

$t->watched($w);
is($t->stop_nginx('near', 'QUIT'), 0, 'quit');

$t->finish;
