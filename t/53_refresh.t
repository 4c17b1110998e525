#!/usr/bin/perl

# A list that changes while it plays: what is added, removed, moved, renamed;
# answers that are not believed at once; all of it without a gap on air.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Events;


my $t = DirectStream::Test->new;
my $dir = $t->{dir};
my $strict = JSON::PP->new->utf8;

mkdir "$dir/logs";
$t->far;


# a list of items with ids, all of them one file
sub listed {
    my ($name, $file, @ids) = @_;

    return $t->plain_list($name, map {
        ref $_ ? $_ : { url => $t->media_url($file, "n=$_"), id => "$_" }
    } @ids);
}


# ids in the order they were on air, as far as they are over
sub aired {
    my ($stream) = @_;

    return join '', map { $_->{id} } grep { $_->{stream} eq $stream }
                    map { $strict->decode($_) }
                    split /\n/, $t->read_file('logs/json.log');
}


sub playlist {
    return $t->status($_[0])->{status}{playlist};
}


# asks for a reading and waits until the status is as it should be
sub refresh {
    my ($name, $what, $test) = @_;

    my $p;
    my $readings = () = $t->read_file('media.log') =~ m{/$name\.json}g;

    is(scalar $t->api('POST', "api/1/streams/$name/refresh"), 202,
       "refresh: $what");

    ok($t->wait_for(sub {
        my $n = () = $t->read_file('media.log') =~ m{/$name\.json}g;
        $p = playlist($name);
        return $n > $readings && !$p->{refreshing} && $test->($p);
    }, 10), $what) or diag(explain($p));

    return $p;
}


sub metric {
    my ($name, $stream) = @_;

    my $text = $t->{http}->get($t->base . '/metrics')->{content};

    return $text =~ /^directstream_$name\{stream="$stream"\} (\S+)$/m
           ? $1 : undef;
}


my $walk = listed('walk', 'a.mp4', qw(a b c));
my $still = listed('still', 'long.mp4', 1 .. 6);

$t->near(http => 'location = /metrics { directstream_metrics; }',
         directstream => <<"END");
    directstream_log $dir/logs/json.log json;
    playlist_refresh 1s jitter=0%;
END

my $events = DirectStream::Events->new($t);

# one whose list changes all the time, and is read each second

is(($t->create('walk', $walk, max_item_duration => 1))[0], 201,
   'a list of three');
my $w = $t->watch('walk');
ok($t->wait_packet($w), 'on air');
my $dead = $t->field('walk', 'dead_air_ms');

# another that is read by request alone

is(($t->create('still', $still, playlist_refresh => 0))[0], 201,
   'one that is read by request');
ok($t->wait_state('still', 'live'), 'live');
is($t->status('still')->{playlist_refresh}, 0, 'as it was defined');

my $p = refresh('still', 'the same list', sub { $_[0]{refreshed_at} });
is(join(' ', map { $p->{$_} } qw(count added removed moved changed)),
   '6 0 0 0 0', 'nothing has changed');
ok(!defined $p->{pending} && $p->{complete} && defined $p->{age},
   'it is as it was');

listed('still', 'long.mp4', 1, 7, { url => $t->media_url('long.mp4', 'n=2'),
       id => '2', title => 'renamed', duration => 61 }, 4, 3, 5, 6);
refresh('still', 'added, moved, renamed', sub {
    join(' ', map { $_[0]{$_} } qw(count added removed moved)) eq '7 1 0 1'
        && $_[0]{changed} >= 1;
});
my ($two) = grep { $_->{id} eq '2' } $t->items('still');
is("$two->{index} $two->{title} $two->{duration}", '2 renamed 61',
   'the item has its new place, title and duration');
is(metric('playlist_items_added_total', 'still'), 1, 'it is counted');

my $e = $events->wait_event('log', sub {
    $_->{type} eq 'list_changed' && $_->{stream} eq 'still';
}, 10);
is(join(' ', map { $e->{$_} } qw(added removed moved)), '1 0 1',
   'and an event');

# what is prepared follows

ok($t->wait_for(sub {
    (playlist('still') && $t->field('still', 'item', 'id')) eq '1';
}, 5), 'the first is on air');

# less than half: believed when it is seen twice

listed('still', 'long.mp4', 1, 2);
$p = refresh('still', 'less than half', sub { $_[0]{pending} });
is($p->{pending}{code}, 'playlist_short', 'is not believed');
is($p->{count}, 7, 'the old list stays');
my $since = $p->{pending}{at};
ok($since, 'the status says since when');
is(metric('playlist_pending', 'still'), 1, 'and so do the metrics');

$p = refresh('still', 'the same again', sub { !$_[0]{pending} });
is("$p->{count} $p->{removed}", '2 5', 'is believed');
is(scalar(my @all = $t->items('still')), 2, 'the others are gone');
is($t->field('still', 'item', 'id'), '1', 'what is on air is not touched');

# an error never is

unlink "$t->{dir}/www/still.json";
$p = refresh('still', 'an error', sub { $_[0]{pending} });
is($p->{pending}{code}, 'source_not_found', 'its code');
$since = $p->{pending}{at};
$p = refresh('still', 'it goes on', sub { $_[0]{pending} });
is($p->{pending}{at}, $since, 'it is known since when');
is("$p->{count} " . $t->state('still'), '2 live', 'nothing else has changed');

# nor half a list at once after it

listed('still', 'long.mp4');
$p = refresh('still', 'no item at all', sub {
    $_[0]{pending} && $_[0]{pending}{code} eq 'playlist_empty';
});
is($p->{count}, 2, 'is not believed');
$p = refresh('still', 'again', sub { $_[0]{count} == 0 });
is($t->state('still') . ' ' . $t->field('still', 'item', 'id'), 'live 1',
   'what is on air plays to its end');

listed('still', 'long.mp4', 8, 9);
refresh('still', 'items again', sub { $_[0]{count} == 2 });
ok($t->wait_for(sub { ($t->field('still', 'next', 'id') || '') eq '8' }, 10),
   'the first of them is next, in place of one that is gone');
is($t->field('still', 'output', 'reconnects'), 0, 'all in one session');

is(scalar $t->api('PATCH', 'api/1/streams/still',
                  { playlist_refresh => 1, playlist_refresh_jitter => 0 }),
   200, 'read it each second from now on');
listed('still', 'long.mp4', 8, 9, 10);
ok($t->wait_for(sub { playlist('still')->{count} == 3 }, 5), 'so it is');
is($t->field('still', 'item', 'id'), '1', 'without a new run');
$t->api('DELETE', 'api/1/streams/still');

# shuffled: each pass is a permutation of what is listed, with what came

my $mixed = listed('mixed', 'a.mp4', qw(a b c d));
is(($t->create('mixed', $mixed, shuffle => JSON::PP::true,
                max_item_duration => 1))[0], 201, 'shuffled');

# loop off: what comes before the end is played

my $once = listed('once', 'a.mp4', qw(a b));
is(($t->create('once', $once, loop => JSON::PP::false))[0], 201, 'loop off');

# private, then public; by the resolver

my @entries = map { $t->stub_entry("refresh000$_", 'a.mp4') } 1 .. 2;
my $open = $t->stub_list('PLopen', entries => [ $entries[0],
    { %{$entries[1]}, availability => 'private' } ]);
is(($t->create('open', $open))[0], 201, 'with a private item');

ok($t->wait_for(sub { ($t->field('once', 'item', 'id') || '') eq 'a' }, 15),
   'loop off: the first');
listed('once', 'a.mp4', qw(a b c));
ok($t->wait_for(sub { length aired('mixed') >= 1 }, 15),
   'shuffled: one was on air');
listed('mixed', 'a.mp4', qw(x a b c d));
ok($t->wait_state('open', 'live'), 'private: live');
is(($t->items('open'))[1]{code}, 'item_private', 'private: it is skipped');
$t->stub_list('PLopen', entries => \@entries);

# meanwhile the first one walks through what it is given

sub walk {
    my ($what, $on_air, $ids, $then) = @_;

    ok($t->wait_for(sub {
        my $s = $t->status('walk')->{status};
        return $s->{item} && $s->{item}{id} eq $on_air
               && $s->{item}{position} < 0.5;
    }, 10), "$what: \"$on_air\" is on air");

    my $from = length aired('walk');
    listed('walk', 'a.mp4', split //, $ids);
    $t->api('POST', 'api/1/streams/walk/refresh');

    ok($t->wait_for(sub { length aired('walk') >= $from + length $then }, 20),
       "$what: it goes on");
    is(substr(aired('walk'), $from, length $then), $then, "$what: $then");
}

# the next one is prepared already, and keeps its turn

walk('one before the next', 'a', 'axbc', 'abxc');
walk('what is on air is gone', 'b', 'axc', 'bcax');
walk('another order', 'a', 'cab', 'abca');
walk('another list', 'a', 'xyz', 'axyz');

my $flow = $t->watched($w);
diag($flow->summary);
is(scalar(my @back = $flow->backward), 0, 'no time stamp goes back');
cmp_ok(($flow->largest_step('V'))[0], '<=', 200, 'no hole in the picture');
cmp_ok(($flow->largest_step('A'))[0], '<=', 200, 'nor in the sound');
is($t->field('walk', 'output', 'reconnects'), 0, 'all in one session');
cmp_ok($t->field('walk', 'dead_air_ms') - $dead, '<', 1000,
       'no slate to speak of');

ok($t->wait_state('once', 'finished', 15), 'loop off: finished');
is(aired('once'), 'abc', 'loop off: with the one that came');
ok($t->wait_for(sub { length aired('mixed') >= 5 }, 15), 'shuffled: a pass');
is(join('', sort split //, substr(aired('mixed'), 0, 5)), 'abcdx',
   'shuffled: the new one had its turn in it, and none was twice');
ok($t->wait_for(sub { aired('open') =~ /refresh0002/ }, 15),
   'private: played when it is public');

# what is refused

my @bad = (
    [ 'playlist_refresh 0.5;', qr/"0\.5".*off \(0\), or from 1 second/ ],
    [ 'playlist_refresh 1s jitter=101%;', qr/"jitter=101%".*"0%" to "100%"/ ],
    [ 'playlist_refresh 1s jitter=5;', qr/"jitter=5"/ ],
    [ 'playlist_refresh 1s; playlist_refresh 2s;', qr/duplicate/ ],
    [ 'playlist_max_items 0;', qr/"0".*from 1 to 100000/ ],
);

for my $b (@bad) {
    my ($rc, $said) = $t->nginx_t($t->near_write(directstream => $b->[0])
                                  ->{conf});

    isnt($rc, 0, "refused: $b->[0]");
    like($said, $b->[1], 'with what is accepted');
}

my ($status, $problem) = $t->api('POST', 'api/1/streams',
    { name => 'x', playlist => $once, playlist_refresh => 0.5 });
is("$status $problem->{field}", '400 playlist_refresh', 'nor by the API');
is(scalar $t->api('POST', 'api/1/streams/none/refresh'), 404,
   'a stream that is not there');

$t->allow(qr/playlist that was read again is not taken|private/);
$t->finish;
