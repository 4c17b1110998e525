#!/usr/bin/perl

# First video of an item at the far end: 1.5 resolver calls and half a second
# after the POST, however long the list.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
$t->far;

# a request of the resolver takes 300 ms, and the call for a list's first
# item is three of them
use constant LATENCY => 0.3;

my $call = 3 * LATENCY;
my %time;

my $media = $t->media_url('long.mp4');
$t->near(workers => 1);


sub first_video {
    my ($name, $count) = @_;

    my $url = $t->stub_list($name, latency => LATENCY, repeat => {
        count => $count, id => "s${count}x%06d", title => 'Item %d',
        duration => 60, urls => [ $media ],
    });

    my $w = $t->watch($name);

    # the viewer is there before the stream
    $t->wait_for(sub { $t->log_of('far') =~ /play: name='$name'/ }, 5);

    my $from = $t->now;
    $t->create($name, $url);

    my $p = $t->wait_picture($w, '320x180', 20);
    my $took = $p ? ($p->{at} - $from) / 1000 : 99;

    # sound waits for no key frame: it shows when the path was up
    my $a = $t->flow($w)->first('A');
    diag(sprintf '%s: first sound after %.2f s', $name,
         ($a->{at} - $from) / 1000) if $a;

    $t->api('DELETE', "api/1/streams/$name");
    $t->watched($w);

    return $took;
}


for my $round (1 .. 3) {
    for my $count (5, 5000) {
        my $took = first_video("PLstart${count}r$round", $count);

        diag(sprintf 'list of %4d: first video after %.2f s', $count, $took);

        $time{$count} = $took
            if !defined $time{$count} || $took < $time{$count};
    }
}

my $limit = 1.5 * $call + 0.5;

# under ASan the machine is another one
$limit *= $ENV{DS_SLOW} if $ENV{DS_SLOW};

cmp_ok($time{5}, '<=', $limit, "a list of 5: at most $limit s");
cmp_ok($time{5000}, '<=', $limit, "a list of 5,000: at most $limit s");

# 10 %, and 50 ms of noise
my $more = abs $time{5000} - $time{5};
cmp_ok($more, '<=', 0.1 * $time{5} + 0.05, 'the same for both');

$t->finish;
