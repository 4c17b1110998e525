#!/usr/bin/perl

# Broadcasts as items of a playlist: one without an end, until it has been on
# air for max_item_duration; one that ends while it is on air; and one alone in
# its list, which is not opened once more beside itself.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $log = $t->dir . '/as-run/log';

mkdir $t->dir . '/as-run';
chmod 0777, $t->dir . '/as-run';

$t->far;
$t->near(directstream => "directstream_log $log json;");


# somebody goes live: a list of the last segments, of a second each
sub broadcast {
    my ($name, @more) = @_;

    my $url = $t->media_url("$name.m3u8");
    my $www = $t->dir . '/www';

    $t->run("live-$name", qw(ffmpeg -nostdin -v error -re -f lavfi -i
            testsrc2=size=160x90:rate=25 -re -f lavfi -i sine=frequency=440
            -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25
            -sc_threshold 0 -threads 1 -c:a aac -ac 2 -b:a 64k), @more,
            qw(-f hls -hls_time 1 -hls_list_size 4
            -hls_flags delete_segments -hls_segment_filename),
            "$www/$name-%d.ts", "$www/$name.m3u8");

    $t->wait_for(sub {
        $t->read_file("www/$name.m3u8") =~ /\Q$name\E-2\.ts/;
    }, 15, "$name is live");

    return $url;
}


my @lists = (
    $t->plain_list('endless', broadcast('on'), 'a.mp4'),
    $t->plain_list('ending', broadcast('off', '-t', 10), 'a.mp4'),
);

my $alone = $t->plain_list('alone', broadcast('one'));

my @w = map { $t->watch($_) } qw(endless ending);

$t->create('endless', $lists[0], loop => JSON::PP::false,
           max_item_duration => 6);
$t->create('ending', $lists[1], loop => JSON::PP::false);

$t->create('alone', $alone);

ok($t->wait_packet($_), "$_: on air") for @w;

is($t->field($_, 'item', 'duration'), undef, "$_: nobody knows how long")
    for qw(endless ending);

ok($t->wait_state($_, 'finished', 30), "$_: all was played")
    for qw(endless ending);

# what was read meanwhile came over the connections of one reader

ok($t->wait_state('alone', 'live'), 'alone: on air');
is($t->field('alone', 'next', 'index'), undef, 'alone: nothing is next');

my %connection = map { $_ => 1 }
                 $t->read_file('media.log') =~ m{ (\d+) GET /one\.m3u8}g;
is(scalar keys %connection, 1, 'alone: its list has one reader');

$t->api('POST', 'api/1/streams/alone/skip');
ok($t->wait_for(sub { ($t->field('alone', 'playlist', 'skipped') || 0) == 1 },
                10), 'alone: skipped, it begins anew');
ok($t->wait_state('alone', 'live'), 'alone: on air again');

my %run;

$t->wait_for(sub {
    %run = ();

    for (map { $t->{json}->decode($_) } split /\n/,
         $t->read_file('as-run/log'))
    {
        $run{ $_->{stream} }[ $_->{index} ] = $_;
    }

    return 2 == grep { $_->[1] } @run{qw(endless ending)};
}, 10, 'the log');

my ($endless, $ending) = map { $run{$_} } qw(endless ending);

is($endless->[0]{outcome}, 'played', 'endless: was played');
cmp_ok(abs($endless->[0]{duration} - 6), '<', 1.1, 'endless: for 6 s');

my ($item) = $t->items('endless');
is($item->{state}, 'played', 'endless: and is not a fault');
like($item->{reason}, qr/max_item_duration of 6 s/, 'endless: it was cut');

is($ending->[0]{outcome}, 'played', 'ending: was played');
cmp_ok($ending->[0]{duration}, '>', 5, 'ending: to its end');
cmp_ok($ending->[0]{duration}, '<', 11, 'ending: and no longer');

for my $w (@w) {
    my ($name) = $w =~ /-(.*)/;
    my ($live, $next) = @{ $run{$name} };

    is($live->{decision}, 'copy', "$name: copied");
    is("$next->{outcome} $next->{index}", 'played 1', "$name: then the next");
    is($next->{slate} + $next->{gap}, 0, "$name: at once");
    cmp_ok($next->{duration}, '>', 1.8, "$name: all of it");
    is($t->field($name, 'output', 'reconnects'), 0, "$name: one session");

    my $flow = $t->watched($w);
    diag($flow->summary);

    is(join("\n", $flow->backward), '', "$name: no backward time stamp");
    is(join("\n", $flow->steps_over('V', 41)), '', "$name: video, no step");
    is(join("\n", $flow->steps_over('A', 42)), '', "$name: audio, no step");
    cmp_ok($flow->largest_gap, '<=', 1000, "$name: no arrival gap over 1 s");
}

$t->finish;
