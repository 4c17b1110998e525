#!/usr/bin/perl

# Many item changes with faults of every kind, on five streams that loop and
# shuffle: sources that break, answer late, stall or are something else, other
# codecs, the resolver, skips.  One of them is watched at the far end.  Then
# nothing is left of them: no thread, child or descriptor, no memory.
# SOAK_CHANGES sets how many; SOAK_SEED repeats a run.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $changes = $ENV{SOAK_CHANGES} || 40;
my $seed = $ENV{SOAK_SEED} || $$;
my $slow = $ENV{DS_SLOW} || 1;

# a process that has just begun still grows
my $measured = $changes >= 1000 && !$ENV{DS_PRELOAD};

use constant { GAP => 1000, GROWTH => 0.02 };

diag("$changes item changes, seed $seed");
srand $seed;

my $t = DirectStream::Test->new;

my @good = map { "$_.mp4" } qw(a b c d e f early late);
my @other = qw(mpeg4.mp4 mp3.mp4 silent.mp4 dark.mp4);
my @streams = map { "s$_" } 0 .. 4;

# bytes are those of clips of 40 to 120 KB
my @faults = (
    sub { 'latency=' . (100 + int rand 900) },
    sub { 'drop=' . (20_000 + int rand 20_000) },
    sub { 'pause=' . (1000 + int rand 40_000) . '-' . int rand 900 },
    sub { 'drip=' . (30_000 + int rand 60_000) },
    sub { 'first=2;cut=' . (1000 + int rand 40_000) },
    sub { 'first=1;stall=' . (1000 + int rand 40_000) },
    sub { 'first=2;status=503' },
    sub { 'cut=' . (20_000 + int rand 20_000) },
    sub { 'gate=' . (20_000 + int rand 20_000) },
    sub { 'status=' . (403, 404, 410, 500)[int rand 4] },
    sub { 'norange=1;drop=' . (20_000 + int rand 20_000) },
    sub { 'nolength=1' },
    sub { 'length=' . (int(rand 2000) - 1000) },
    sub { 'html=1' },
);

my $unique = 0;


sub one_of {
    return $_[int rand @_];
}


# half of the items are whole, the others are not
sub items {
    my @items = map { one_of(@good) . '?n=' . $unique++ } 1 .. 16;

    push @items, map { one_of(@good) . '?n=' . $unique++ . ';' . $_->() }
                 @faults;

    return @items, map({ "$_?n=" . $unique++ } @other), 'noise.mp4';
}


my %list = map { $_ => $t->plain_list($_, items()) } @streams[0 .. 3];

$list{s4} = $t->stub_list('PLendurance', entries => [
    map { $t->stub_entry(sprintf('item%07d', $_->[0]), $_->[1]) }
    map { [ $unique++, $_ ] } items()
]);

$t->far;
$t->near(log_level => 'notice', directstream => <<"END");
    source_timeout    1s;
    encodes           8;
    video_size        320x180;
    video_rate        25;
    video_bitrate     300k;
    directstream_log  $t->{dir}/near/aired.log;
END

my $relay = $t->relay_pid;


sub descriptors {
    return map { readlink || () } glob "/proc/$relay/fd/*";
}


sub children {
    return map { "$_ " . $t->cmdline($_) } $t->descendants($relay);
}


# the relay worker's proportional set size, MiB: all of it, and what is no
# file's, so that it does not matter who else uses the libraries
sub pss {
    my ($kind) = @_;

    return $t->read_file("/proc/$relay/smaps_rollup") =~ /^$kind:\s+(\d+)/m
           ? $1 / 1024 : 0;
}


# an encode is a peak of some MiB, so it is not the mean
sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[$#sorted / 2];
}


# what stays open after the first stream is not counted

$t->create('first', $t->plain_list('first', 'long.mp4'));
ok($t->wait_state('first', 'live'), 'a first stream');
is(scalar $t->api('DELETE', 'api/1/streams/first'), 204, 'is removed');
ok($t->wait_for(sub { !$t->engine_threads($relay) }, 5), 'nothing runs');
my @before = descriptors();

# s0 by nginx-rtmp and watched, s1 by the engine, the rest end at nginx-rtmp

my %more = (
    s0 => { push => $t->push_url('s0'), video => 'auto' },
    s1 => { push => $t->push_url('s1'), push_via => 'engine' },
    s2 => { video => 'auto' },
    s4 => { video => 'auto' },
);

my $w = $t->watch('s0');

for my $s (@streams) {
    my ($status, undef, $r) = $t->api('POST', 'api/1/streams', {
        name => $s, playlist => $list{$s}, shuffle => JSON::PP::true,
        %{ $more{$s} || {} },
    });
    is($status, 201, "$s is made") or diag($r->{content});
}

ok($t->wait_packet($w, 30), 'at the far end');


# a line of the log is an item that was on air
sub changed {
    my $n = () = $t->read_file('near/aired.log') =~ /\n/g;
    return $n;
}


my ($from, $n, $late, $skips) = ($t->now, 0, 0, 0);
my (@pss, @all, %relays, %most);
my $deadline = $from + 60_000 + 2000 * $slow * $changes;

while (($n = changed()) < $changes && $t->now < $deadline) {
    my $asleep = $t->now;
    Time::HiRes::sleep(0.5);

    # how long this machine lets a process wait
    my $wait = $t->now - $asleep - 500;
    $late = $wait if $wait > $late;

    if (rand() < 0.4) {
        $t->api('POST', 'api/1/streams/' . one_of(@streams) . '/'
                        . one_of('skip', 'skip', 'previous'));
        $skips++;
    }

    my %now = (descriptors => scalar(my @d = descriptors()),
               threads => scalar($t->engine_threads($relay)),
               children => scalar(my @c = children()));

    for (keys %now) {
        $most{$_} = $now{$_} if $now{$_} > ($most{$_} || 0);
    }

    push @pss, pss('Pss_Anon');
    push @all, pss('Pss');

    # a child of it has its title until it is a resolver
    my %child = map { $_ => 1 } $t->descendants($relay);
    $relays{$_} = 1 for grep { !$child{$_} } $t->relay_pids;
}

cmp_ok($n, '>=', $changes, "$changes item changes");

diag(sprintf '%d changes, %d skips in %.0f s; a sleep was late by %d ms', $n,
     $skips, ($t->now - $from) / 1000, $late);
diag('at most ' . join ', ', map { "$most{$_} $_" } sort keys %most);

is(join(' ', keys %relays), $relay, 'one relay worker all the time');

my %total;

for my $s (@streams) {
    my $status = $t->status($s)->{status};

    like($status->{state}, qr/^(?:live|stalled)$/, "$s goes on");
    is($status->{output}{reconnects}, 0, 'in one session');
    $total{$_} += $status->{playlist}{$_}
        for qw(played failed skipped items_copied items_encoded);
}

diag(join ', ', map { "$_ $total{$_}" } sort keys %total);
cmp_ok($total{$_}, '>', 0, $_)
    for qw(played failed items_copied items_encoded);

my $flow = $t->watched($w);
my ($gap, $where) = $flow->largest_gap;

diag($flow->summary);
is(join("\n", $flow->backward), '', 'no backward time stamp');
cmp_ok($gap, '<=', GAP * $slow, "no arrival gap over a second, at $where");

for my $s ('s0', 's1') {
    my $sessions = () = $t->log_of('far') =~ /publish: name='$s'/g;
    is($sessions, 1, "the far end saw one session of $s");
}

# nothing is left of them

is(scalar $t->api('DELETE', "api/1/streams/$_"), 204, "$_ is removed")
    for @streams;

ok($t->wait_for(sub { !$t->engine_threads($relay) }, 10), 'no thread is left')
    or diag(join ' ', $t->engine_threads($relay));
ok($t->wait_for(sub { !children() }, 5), 'no child')
    or diag(join "\n", children());
ok($t->wait_for(sub { (my @d = descriptors()) <= @before }, 5),
   'no descriptor') or diag(join ' ', 'before', sort(@before), 'now',
                            sort(descriptors()));

my $part = int(@pss / 8);
my @part = map { [ @pss[$_ * $part .. ($_ + 1) * $part - 1] ] } 0 .. 7;
my $all = median(@all);
my ($second, $last) = map { median(map { @$_ } @part[$_, $_ + 1]) } 2, 6;

diag(sprintf 'memory, MiB, by eighths of the time: %s; second quarter %.2f,'
     . ' last %.2f, of %.2f with the libraries; without streams %.2f',
     join(' ', map { sprintf '%.2f', median(@$_) } @part), $second, $last,
     $all, pss('Pss_Anon'));

$t->write_file('memory.txt', join "\n", @pss);

SKIP: {
    skip('too short to measure memory', 1) unless $measured;
    cmp_ok($last - $second, '<=', GROWTH * $all, 'memory does not grow');
}

$t->finish;
