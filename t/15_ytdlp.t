#!/usr/bin/perl

# The real yt-dlp, on a feed on loopback.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


plan skip_all => 'no yt-dlp' unless -x '/usr/bin/yt-dlp';

my $t = DirectStream::Test->new;
$t->far;
$t->media;

$t->near(resolve_command => '/usr/bin/yt-dlp',
         directstream => 'resolve_extractors generic;');

my $n = 0;
my $feed = $t->publish_file('feed.xml',
    qq{<?xml version="1.0" encoding="UTF-8"?>\n}
    . qq{<rss version="2.0"><channel><title>Feed</title>\n}
    . join('', map {
        my $url = $t->media_url("$_.mp4");
        my $len = -s DirectStream::Media::path("$_.mp4");
        $n++;
        "<item><title>Clip $n</title><guid>clip-$n</guid>"
        . qq{<enclosure url="$url" length="$len" type="video/mp4"/>}
        . "</item>\n";
    } qw(a b c)) . "</channel></rss>\n");

my $w = $t->watch('feed');
my ($status) = $t->create('feed', $feed, loop => JSON::PP::false);
is($status, 201, 'created');
ok($t->wait_packet($w, 20), 'on air');
ok($t->wait_state('feed', 'finished', 40), 'played to its end')
    or diag(explain($t->status('feed')));

my @items = $t->items('feed');
is(join(' ', map { $_->{state} } @items), 'played played played',
   'three items were played') or diag(explain(\@items));
is($items[0]{title}, 'Clip 1', 'a title');

my $flow = $t->watched($w);
is(join("\n", $flow->backward), '', 'no backward time stamp');

# with a slow resolver there is the slate, of five pictures a second

cmp_ok($flow->largest_step('V'), '<=', 200, 'no step');

# the generic extractor is not allowed unless it is named

$t->stop_nginx('near', 'QUIT');
$t->near(resolve_command => '/usr/bin/yt-dlp');

$t->create('other', $feed, loop => JSON::PP::false);
ok($t->wait_error('other', 'resolver_unsupported', 20),
   'an extractor that is not allowed');

$t->finish;
