#!/usr/bin/perl

# Hard starts at the far end in real time: what is on air, copied or encoded,
# is cut where the slot's first frame takes its place, and that is at the
# slot's time.  Judged by the media's time stamps, which stand for the time at
# which each was due, and by what was recorded of it; not by when it arrived.
# And a skip of what is encoded does not wait until all of that has been.
# HARD_STARTS sets how many there are of each kind.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use List::Util qw(max min);
use POSIX ();


my $starts = $ENV{HARD_STARTS} || 2;

# ms: of clocks that are read in whole ms, and of the time stamps of RTMP
my $tolerance = 10;

my $t = DirectStream::Test->new;
my $dir = $t->dir;

$t->far;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

$t->near(directstream => "directstream_log $dir/logs/asrun.log json;");

my $base = $t->plain_list('base', map { "long.mp4?$_" } 0 .. 9);
my $slot = $t->plain_list('slot', map {
    { url => $t->media_url("mid.mp4?$_"), title => "slot $_", duration => 8 }
} 0 .. 99);

my %kind = (
    copied => {},
    encoded => { video => 'encode', video_size => '320x180',
                 video_rate => 25, video_bitrate => 300000 },
);

# Two seconds of each slot, three of the list, key frames 2 s apart: the last
# one around a slot's time is the slot's first.

my $first = int(time) + 9;
my @times = map { $first + 5 * $_ } 0 .. $starts - 1;
my %w;

for my $kind (sort keys %kind) {
    $w{$kind} = $t->watch($kind);
    $t->create($kind, $base, start => JSON::PP::false, %{ $kind{$kind} });

    my @slots = map { { at => POSIX::strftime('%H:%M:%S', gmtime $_),
                        playlist => $slot, start => 'hard',
                        until => POSIX::strftime('%H:%M:%S', gmtime $_ + 2) }
                    } @times;

    is((($t->api('PUT', "api/1/streams/$kind/schedule",
                 { timezone => 'UTC', prepare => 30,
                   slots => \@slots }))[0]), 200, "$kind: a schedule");
    is(scalar $t->api('POST', "api/1/streams/$kind/start"), 202,
       "$kind: started");
}

ok($t->wait_state($_, 'live'), "$_: live") for sort keys %kind;
ok($t->wait_for(sub { time > $times[-1] + 2.2 }, 5 * $starts + 30), 'time');

# A packet leaves up to a tick before it is due, the earliest ones by all of
# that: from them on the time stamps tell the time.

my $tick = 80;

my $was = $t->field('encoded', 'item')->{index};

$t->api('POST', 'api/1/streams/encoded/skip');
ok($t->wait_for(sub {
    ($t->field('encoded', 'item') // {})->{index} != $was;
}, 10), 'encoded: skipped, by what is encoded as well');

for my $kind (sort keys %kind) {
    my $flow = $t->watched($w{$kind});
    my @late;

    for my $at (@times) {
        my $time = $at * 1000 - $flow->{offset};
        my @near = grep { abs($_->{at} - $time) < 2500 } $flow->packets;
        my $zero = (min(map { $_->{at} - $_->{dts} } @near) // 0) + $tick;
        my ($key) = grep { $_->{key} && abs($_->{dts} + $zero - $time) < 900 }
                    grep { $_->{track} eq 'V' } reverse @near;

        push @late, $key ? sprintf('%.0f', $key->{dts} + $zero - $time)
                         : 9999;
    }

    my @said = map { int($_->{late} * 1000 + 0.5) }
               grep { $_->{stream} eq $kind && $_->{slot}
                      && defined $_->{late} }
               map { JSON::PP::decode_json($_) }
               split /\n/, $t->read_file('logs/asrun.log');

    diag("$kind: @late ms after their times by the time stamps, taken at "
         . "@said ms");

    is(scalar @said, $starts, "$kind: each has begun");

    # what a busy machine takes later than that it says; what is sent ahead of
    # its B-frames is not cut short, nor waited for
    my $order = max(map { $_->{pts} - $_->{dts} } $flow->packets('V'));
    diag("$kind: frames are reordered by $order ms");

    for my $i (0 .. $#late) {
        my $most = max(40, $said[$i] // 0) + $tolerance;
        ok($late[$i] >= -40 - $order - $tolerance && $late[$i] <= $most,
           "$kind: within one frame: $late[$i] ms, $most ms at most");
    }

    is(scalar($flow->backward), 0, "$kind: no backward time stamp");
    cmp_ok($flow->largest_step('V'), '<=', 200, "$kind: no gap");
}

$t->finish;
