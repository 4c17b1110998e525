#!/usr/bin/perl

# Lists as they are found: dialects, encodings, line ends, names, lists within
# lists, pages.  What is judged is which items there are and what was asked
# for; some of them are played.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Server;


my $t = DirectStream::Test->new;
my $clips = DirectStream::Media::dir();
my $www = $t->dir . '/www';

mkdir $_ for $www, "$www/l", "$www/x";

# names that would be something else in a URL
my @names = ('Show #3.mp4', '100% live.mp4', 'Who?.mp4', 'x/y.mp4',
             '..And Justice.mp4', "Caf\xe9.mp4", "Cafe\xcc\x81.mp4",
             'a%20b.mp4', '50%AB.mp4', 'One: two.mp4', 'q&a=1;2+3.mp4');

link "$clips/a.mp4", "$www/$_" or system('cp', "$clips/a.mp4", "$www/$_")
    for @names, 'a.mp4', 'b.mp4', 'c.mp4', 'd.mp4', 'live';

my $server = DirectStream::Server->new($t, sub {
    my ($r) = @_;

    return (200, [ 'Content-Type: text/html' ], "<html>a page</html>\n")
        if $r->{path} eq '/page' || $r->{path} eq '/nopage';

    my $path = $r->{path};
    $path =~ s{/[^/]+/\.\./}{/};

    return DirectStream::Server::file($r, "$www$path");
});

my $base = $server->url('');

$t->write_file('stub/page.json', $t->{json}->encode({ entries => [
    { id => 'page', title => 'Of a page', urls => [ "$base/d.mp4" ] },
    { id => 'nopage', fault => { mode => 'error', error => 'unsupported' } },
] }));

$t->near(directstream => "media_root $www; playlist_max_items 40;");


sub items {
    my ($name, $url) = @_;

    $t->create($name, $url, loop => JSON::PP::false);
    $t->wait_for(sub { $t->field($name, 'playlist', 'complete')
                       || $t->state($name) =~ /failed|finished/ }, 15,
                 "$name: listed");

    return $t->items($name);
}

sub utf16 {
    my ($order, $mark, $text) = @_;
    return join '', map { pack $order, ord } ($mark ? "\x{feff}" : ()),
                                             split //, $text;
}

# the same two items in each

my $m3u = "#EXTM3U\n#EXTINF:2,One\na.mp4\n#EXTINF:2,Two\nb.mp4\n";
(my $crlf = $m3u) =~ s/\n/\r\n/g;
(my $cr = $m3u) =~ s/\n/\r/g;

my %two = (
    'lf.m3u' => $m3u, 'crlf.m3u' => $crlf, 'cr.m3u' => $cr,
    'bom.m3u' => "\xef\xbb\xbf$m3u",
    'le.m3u' => utf16('v', 1, $crlf), 'be.m3u' => utf16('n', 1, $m3u),
    'nomark.m3u' => utf16('v', 0, $m3u),
    'vendor.m3u' => "#EXTM3U x-tvg-url=\"$base/epg.xml\"\n#EXT-X-APP APTV\n"
        . "#EXT-X-APTV-TYPE remote\n#EXTINF:-1 tvg-id=\"a\""
        . " group-title=\"x, y\",One\na.mp4\n#EXT-X-VERSION:3\n"
        . "#EXTINF:-1 tvg-name=\"Two\",\nb.mp4\n#EXT-X-SUB-URL x\n",
    'odd.m3u' => "${cr}\n",
    'quotes.m3u' => "#EXTM3U\n#EXTINF:-1 tvg-name=\"The \"1\" TV\" x='a,b',"
        . "One\na.mp4\n#EXTINF:-1 tvg-name=\"no end,Two\nb.mp4\n",
    'spaced.pls' => "; of a radio\n\n[playlist]\nFile1 = a.mp4 \n"
        . "Title1 = One\nFile2 = b.mp4\nTitle2 = Two\n",
    'ref.asx' => "[Reference]\r\nRef1=$base/a.mp4\r\nRef2=$base/b.mp4\r\n",
    'prefix.xspf' => '<x:playlist version="1" xmlns:x="http://xspf.org/ns/0/">'
        . '<x:trackList><x:track><x:title>One</x:title><x:location>'
        . "\n  $base/a.mp4\n</x:location></x:track><x:track><x:location>b.mp4"
        . '</x:location><x:title>Two</x:title></x:track></x:trackList>'
        . '</x:playlist>',
    'pls.m3u' => "[Playlist]\r\nFile2=b.mp4\r\nTitle2=Two\r\nFile1=a.mp4\r\n"
        . "Title1=One\r\nLength1=2\r\nNumberOfEntries=2\r\nVersion=2\r\n",
    'x.xspf' => '<?xml version="1.0"?><playlist version="1" xmlns='
        . '"http://xspf.org/ns/0/"><title>All</title><trackList><track>'
        . '<title>One</title><location>a.mp4</location><duration>2000'
        . '</duration></track><!-- <track> --><track><location><![CDATA['
        . 'b.mp4]]></location><title>Tw&#x6f;</title></track></trackList>'
        . '</playlist>',
    'x.asx' => "<ASX version=3>\n<Title>All</Title><ENTRY><Title>One</title>"
        . "<Ref HREF = 'a.mp4'/><Duration value=\"00:00:02\" /></ENTRY>\n"
        . "<entry><ref href=b.mp4 ></ref><title>Two</title></entry></asx>",
    'x.json' => '["a.mp4", {"url": "b.mp4", "id": 7}]',
);

for my $name (sort keys %two) {
    $t->write_file("www/$name", $two{$name});
    (my $stream = $name) =~ s/\W//g;

    my @items = items($stream, "$base/$name");
    my $want = $name =~ /json|^ref/ ? 'a.mp4|b.mp4' : 'One|Two';

    is(join('|', map { $_->{title} } @items), $want, "$name: two items");
    is($items[1]{id}, '7', 'a number as an id') if $name =~ /json/;
}

my %words = (
    'lf.m3u' => 'lines end with LF', 'crlf.m3u' => 'lines end with CR LF',
    'cr.m3u' => 'lines end with CR',
    'odd.m3u' => 'lines end with CR, the last one with LF',
    'bom.m3u' => 'UTF-8 with a mark', 'le.m3u' => 'UTF-16, little endian',
    'be.m3u' => 'UTF-16, big endian', 'nomark.m3u' => 'UTF-16 without a mark',
    'vendor.m3u' => '`#EXT-X-…` of a vendor, commas in attributes',
    'quotes.m3u' => 'quotes within what is quoted, single ones',
    'pls.m3u' => 'PLS, in any order', 'spaced.pls' => 'PLS behind comments',
    'ref.asx' => '`[Reference]`, `Ref1=`', 'x.asx' => 'ASX, not quite XML',
    'x.xspf' => 'XSPF', 'prefix.xspf' => 'XSPF with a prefix of a name space',
    'x.json' => 'JSON, strings and objects',
);

is(join("\n", sort $t->book_rows('media.md', 'Dialects of lists')),
   join("\n", sort map { "| $words{$_} | played |" } keys %two),
   'docs have the table of this list');

# names, in a list that is a file and in one that is not

my $names = join "\n", map { "../$_" } @names;
(my $back = $names) =~ s{\.\./x/y}{..\\x\\y};
my $list = "#EXTM3U\n$back\n";

$t->write_file('www/l/names.m3u', $list);

my @file = items('namesfile', "file://$www/l/names.m3u");
my @http = items('nameshttp', "$base/l/names.m3u");

is(scalar @$_, scalar @names, 'so many names') for \@file, \@http;
is($file[$_]{title}, { 3 => 'y.mp4', 5 => "Caf\x{e9}.mp4",
                       6 => "Cafe\x{301}.mp4", 7 => 'a b.mp4' }->{$_}
                     // $names[$_], "the title of $names[$_]")
    for grep { $_ != 8 } 0 .. $#names;

# the rest

$t->write_file('www/bare.m3u', "a.mp4\n$base/b.mp4\nc.mp4\n");
my @bare = items('bare', "$base/bare.m3u");
is(join('|', map { $_->{title} } @bare), 'a.mp4|b.mp4|c.mp4',
   'names without a first line');

$t->write_file('www/bad.json', '["a.mp4", 5, {"x": 1}, "", "b.mp4"]');
my @bad = items('bad', "$base/bad.json");
is(join('|', map { $_->{code} // 'ok' } @bad),
   'ok|playlist_format|playlist_format|playlist_format|ok',
   'one that is no item is one');

$t->write_file('www/inner.m3u', "b.mp4\n$base/inner2.pls\n");
$t->write_file('www/inner2.pls', "[playlist]\nFile1=c.mp4\nTitle1=C\n"
               . "File2=loop.m3u\nNumberOfEntries=2\n");
$t->write_file('www/loop.m3u', "a.mp4\ninner.m3u\nnone.m3u\nself.m3u\n"
               . "$base/page\n$base/live\n$base/nopage\n");
$t->write_file('www/self.m3u', "self.m3u\n");

my @in = items('loop', "$base/loop.m3u");
is(join('|', map { ($_->{code} // 'ok') . " $_->{title}" } @in),
   'ok a.mp4|ok b.mp4|ok C|playlist_format loop.m3u'
   . '|source_not_found none.m3u|playlist_format self.m3u|ok page|ok live'
   . '|ok nopage', 'lists within a list');

$t->write_file('www/many.m3u', "#EXTM3U\n" . "a.mp4\n" x 100);
is(scalar(items('many', "$base/many.m3u")), 40, 'a long list is cut');
$t->like_log(qr/"many": playlist is cut at 40 items/, 'and that is said');

my $long = "$base/lf.m3u?" . 'x' x 8000;
is(scalar(items('long', $long)), 2, 'a URL of 8 KiB');

my ($status, $data) = $t->api('POST', 'api/1/streams',
    { name => 'longer', playlist => "$base/lf.m3u?" . 'x' x 8200 });
is($status, 400, 'not of more');

# a host with a name of its own letters: no DNS here has it
($status) = $t->create('idn', "http://b\x{fc}cher.invalid/a.m3u");
is($status, 201, 'a host with an umlaut');
ok($t->wait_error('idn', 'source_dns'), 'is asked for');

# played

for my $name ('namesfile', 'nameshttp', 'loop') {
    ok($t->wait_state($name, 'finished', 90), "$name: finished");
}

is(join(' ', map { $_->{state} } $t->items('namesfile')),
   join(' ', ('played') x @names), 'names in a file: played')
    or diag(explain([ grep { $_->{code} } $t->items('namesfile') ]));

# what is an escape may be one: "a b.mp4" is not there, and "50\xab.mp4"
my @h = $t->items('nameshttp');
is(join(' ', map { $_->{state} } @h[0 .. 6, 9]),
   join(' ', ('played') x 8), 'names over HTTP: played')
    or diag(explain([ grep { $_->{code} } @h ]));

is(join('|', map { $_->{code} // $_->{state} } $t->items('loop')),
   'played|played|played|playlist_format|source_not_found|playlist_format'
   . '|played|played|source_invalid', 'lists and pages: played');

$t->finish;
