#!/usr/bin/perl

# What servers do: redirects, cookies, headers that an item wants, keys of
# HLS, answers that are odd.  Each case is a stream of its own; what was aired
# is taken from the as-run log, what was asked for from the servers.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Server;
use Fcntl qw(:flock);
use IO::Compress::Deflate;
use IO::Compress::Gzip;
use IO::Compress::RawDeflate;
use Time::HiRes ();


my $t = DirectStream::Test->new;
my $clips = DirectStream::Media::dir();
my $www = $t->dir . '/www';

mkdir $_ for $www, "$www/deep", $t->dir . '/as-run';
chmod 0777, $t->dir . '/as-run';

my $log = $t->dir . '/as-run/log';

$t->near(directstream => "encodes 8; directstream_log $log "
                         . "json; cache_path "
                         . $t->dir . '/cache;');

# HLS of four segments: plain, encrypted with an IV, without

sub hls {
    my ($name, @more) = @_;

    system(qw(ffmpeg -nostdin -v error -i), "$clips/mid.mp4",
           qw(-c copy -f hls -hls_time 2 -hls_list_size 0), @more,
           '-hls_segment_filename', "$www/deep/$name%d.ts",
           "$www/deep/$name.m3u8") == 0 or die 'ffmpeg';
}

my $key = join '', map { chr } 1 .. 16;
$t->write_file("$www/deep/key.bin", $key);
$t->write_file("$www/key.info", "key.bin\n$www/deep/key.bin\n");
$t->write_file("$www/iv.info", "key.bin\n$www/deep/key.bin\n" . 'ab' x 16
               . "\n");

hls('plain');
hls('noiv', '-hls_key_info_file', "$www/key.info");
hls('iv', '-hls_key_info_file', "$www/iv.info");

# segments by names that say nothing
for my $i (0 .. 3) {
    link "$www/deep/plain$i.ts", "$www/deep/part$i";
    link "$www/deep/plain$i.ts", "$www/deep/page$i.html";
}

for my $case ([ 'odd', 'part%d?t=1' ], [ 'html', 'page%d.html' ]) {
    my ($name, $form) = @$case;
    (my $text = $t->read_file("$www/deep/plain.m3u8"))
        =~ s/plain(\d)\.ts/sprintf $form, $1/ge;
    $t->write_file("$www/deep/$name.m3u8", $text);
}

# a list with a mark and a blank line before it, and blanks in names
my $marked = "\xef\xbb\xbf\n" . $t->read_file("$www/deep/plain.m3u8");
$marked =~ s/plain/a plain/g;
$t->write_file("$www/deep/mark.m3u8", $marked);
link "$www/deep/plain$_.ts", "$www/deep/a plain$_.ts" for 0 .. 3;

# its table comes last
system(qw(ffmpeg -nostdin -v error -i), "$clips/a.mp4", qw(-c copy),
       "$www/tail.mp4") == 0 or die 'ffmpeg';

(my $packed = $t->read_file("$www/deep/plain.m3u8"))
    =~ s/(plain\d\.ts)/$1?odd&gzip/g;
$t->write_file("$www/deep/packed.m3u8", $packed);

my $two = "#EXTM3U\na.mp4\nb.mp4\n";
$t->write_file("$www/two.m3u", $two);
$t->write_file("$www/two.json", '["a.mp4","b.mp4"]');
$t->write_file("$www/two.m3u.gz", packed('gzip', $two));

(my $nokey = $t->read_file("$www/deep/iv.m3u8")) =~ s/key\.bin/denied.bin/;
$t->write_file("$www/deep/nokey.m3u8", $nokey);

$t->write_file("$www/deep/master.m3u8", "#EXTM3U\n"
    . "#EXT-X-STREAM-INF:BANDWIDTH=500000\nplain.m3u8\n");


# Server B has the media.  What it wants stands in the query:
#   ua, referer, cookie: these headers; session: a cookie that it gives itself
#   (with a redirect to where it is checked)

my $media = DirectStream::Server->new($t, sub {
    my ($r, $c) = @_;

    my $h = $r->{headers};
    my ($ext) = $r->{path} =~ m{/([^/]+)$};
    my $file = -e "$www$r->{path}" ? "$www$r->{path}" : "$clips$r->{path}";

    $file = "$clips/$1" if $r->{query} =~ /\bpick=([\w.]+)/;
    $file = "$www/deep/plain.m3u8" if $r->{query} eq 'pick=hls';

    return (403) if $r->{path} =~ /denied/;
    return (403) if $r->{query} =~ /\bua\b/
                    && ($h->{'user-agent'} // '') ne 'UA-1';
    return (403) if $r->{query} =~ /\breferer\b/
                    && ($h->{referer} // '') ne 'http://x/';
    return (403) if $r->{query} =~ /\bcookie\b/
                    && ($h->{cookie} // '') !~ /\bsid=1; two=2\b/;

    return odd($r, $c, $file) if $r->{query} =~ /\bodd\b/;

    return (302, [ 'Location: /checked' . $r->{path},
                   'Set-Cookie: session=42; Path=/' ])
        if $r->{query} =~ /\bsession\b/;

    if ($r->{path} =~ s{^/checked}{}) {
        return (403) if ($h->{cookie} // '') !~ /\bsession=42\b/;
        $file = -e "$www$r->{path}" ? "$www$r->{path}" : "$clips$r->{path}";
    }

    return DirectStream::Server::file($r, $file);
});


# answers that are odd, by the last word of the query

sub odd {
    my ($r, $c, $file) = @_;

    my ($how) = $r->{query} =~ /(\w+)$/;
    my (undef, $head, $all) = DirectStream::Server::file({}, $file);
    my $range = $r->{headers}{range} // '';
    my $end = length($all) - 1;

    if ($range ne '' && $range ne 'bytes=0-') {
        # whoever seeks there is lied to
        return (206, [ 'Content-Range: bytes 0-/*' ], $all);
    }

    return DirectStream::Server::file($r, $file, norange => 1)
        if $how eq 'norange';
    return (206, [], $all) if $how eq 'none';
    return (206, [ "Content-Range: bytes 0-$end/*" ], $all)
        if $how eq 'nototal';
    return (206, [ 'Content-Range: bytes 0-1/*' ], $all) if $how eq 'lie';
    return (416) if $how eq 'unwanted' && $range ne '';
    return (200, [ 'Content-Encoding: gzip' ], $all) if $how eq 'notgzip';
    return (200, [ 'Content-Encoding: br' ], $all) if $how eq 'br';

    if ($how =~ /^(gzip|deflate|raw|silent)$/) {
        my $packed = packed($how, $all);

        return (200, $how eq 'silent' ? [] : [ 'Content-Encoding: '
                     . ($how eq 'gzip' ? 'gzip' : 'deflate') ], $packed);
    }

    return (200, [ 'Content-Encoding: gzip' ],
            packed('gzip', "#EXTM3U\n" . '0' x 20_000_000))
        if $how eq 'bomb';

    DirectStream::Server::put($c, $how eq 'icy'
        ? "ICY 200 OK\r\nicy-name: radio\r\n\r\n$all"
        : "HTTP/1.1 206 Partial\r\nTransfer-Encoding: chunked\r\n"
          . "Content-Range: bytes 0-/*\r\n\r\n"
          . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $all, $all));

    return;
}


sub packed {
    my ($how, $data) = @_;

    my $out;

    $how eq 'deflate' ? IO::Compress::Deflate::deflate(\$data, \$out)
    : $how eq 'raw' ? IO::Compress::RawDeflate::rawdeflate(\$data, \$out)
    : IO::Compress::Gzip::gzip(\$data, \$out);

    return $out;
}


# Server A leads to it, and has lists

my $lists = $t->dir . '/lists';

my $first = DirectStream::Server->new($t, sub {
    my ($r) = @_;

    my ($word, $n, $rest) = $r->{path} =~ m{^/(\w+)(?:/(\d+))?(.*)};

    return DirectStream::Server::file($r, "$lists$r->{path}")
        if -e "$lists$r->{path}";

    return (302, [ 'Location: ' . $media->url($rest) ]) if $word eq 'to';
    return (302, [ 'Location: /hops/' . ($n - 1) . $rest ])
        if $word eq 'hops' && $n > 1;
    return (307, [ 'Location: ' . $media->url($rest), 'Set-Cookie: a=secret' ])
        if $word eq 'hops';
    return (301, [ "Location: /round/" . (3 - ($n || 1)) ])
        if $word eq 'round';

    return (404);
});

# Broadcasts that are cut each 7 s, and a source for one at a time

system(qw(ffmpeg -nostdin -v error -i), "$clips/long.mp4",
       qw(-c copy -f mpegts), "$www/on.ts") == 0 or die 'ffmpeg';
system(qw(ffmpeg -nostdin -v error -f lavfi -i), 'sine=440:d=60,'
       . 'vibrato=f=3', qw(-b:a 128k -f mp3), "$www/on.mp3") == 0
    or die 'ffmpeg';

my $began = Time::HiRes::time();

my $live = DirectStream::Server->new($t, sub {
    my ($r, $c) = @_;

    return one($r, $c) if $r->{path} =~ m{^/one};

    # a packager that begins again after 8 s
    if ($r->{path} eq '/anew.m3u8') {
        my $age = Time::HiRes::time() - $began;
        my $n = int($age / 2);
        my $first = $age < 10 ? 1000 : 0;
        my $last = $age < 10 ? 1000 + $n : $n - 5;
        my $from = $last - 3 < $first ? $first : $last - 3;

        return (200, [], "#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
            . "#EXT-X-MEDIA-SEQUENCE:$from\n" . join '',
            map { "#EXTINF:2,\n/deep/plain" . $_ % 4 . ".ts?$_\n" }
                $from .. $last);
    }

    return DirectStream::Server::file($r, "$www$r->{path}")
        if $r->{path} =~ /deep/;

    my $data = $t->read_file("$www$r->{path}");
    my $rate = length($data) / 60;
    my $from = Time::HiRes::time();
    my $at = int(($from - $began) * $rate / 188) * 188;

    DirectStream::Server::put($c, "HTTP/1.1 200 OK\r\n"
        . ($r->{path} =~ /mp3/ ? "Content-Type: audio/mpeg\r\n" : '')
        . "Transfer-Encoding: chunked\r\n\r\n") or return;

    while (Time::HiRes::time() - $from < 7) {
        my $to = int((Time::HiRes::time() - $began) * $rate);
        my $piece = substr $data, $at, $to - $at;

        if (length $piece) {
            DirectStream::Server::put($c, sprintf "%x\r\n%s\r\n",
                                   length $piece, $piece) or return;
            $at = $to;
        }

        Time::HiRes::sleep(0.05);
    }

    DirectStream::Server::put($c, "0\r\n\r\n") if $r->{query} eq 'clean';

    return;
});

sub one {
    my ($r, $c) = @_;

    my ($how) = $r->{query} =~ /(\w+)$/;

    open my $lock, '>>', "$www/.one-$how" or die "lock: $!\n";

    if (!flock $lock, LOCK_EX|LOCK_NB) {
        return $how eq 'close' ? () : ($how);
    }

    my (undef, undef, $data) = DirectStream::Server::file({}, "$clips/mid.mp4");

    DirectStream::Server::put($c, "HTTP/1.1 200 OK\r\nContent-Length: "
                           . length($data) . "\r\n\r\n") or return;

    # of 8 s in 4
    for my $i (0 .. 39) {
        my $from = int(length($data) * $i / 40);
        my $to = int(length($data) * ($i + 1) / 40);

        DirectStream::Server::put($c, substr $data, $from, $to - $from)
            or return;
        Time::HiRes::sleep(0.1);
    }

    close $lock;

    return;
}

my ($pa, $pb) = ($first->url(''), $media->url(''));
my ($null, $nul) = ("\r", '%0d%0a');
my $good = 'User-Agent=UA-1&Referer=http%3A%2F%2Fx%2F';
my $bad = "X-One=1${nul}X-Evil: 1&Host=evil.example&Range=bytes%3D5-6"
    . '&Content-Length=5&Transfer-Encoding=chunked';
my $kodi = '#KODIPROP:inputstream.adaptive.stream_headers';

my %lists = (
    '/vlc.m3u' => <<"END",
#EXTM3U
#EXTINF:-1,One
#EXTVLCOPT:http-referrer=http://x/
#EXTVLCOPT:http-user-agent=UA-1
$pb/a.mp4?ua&referer&1
#EXTVLCOPT:http-cookie=sid=1; two=2
$pb/b.mp4?cookie&2
$pb/a.mp4?none&3
END
    '/attrs.m3u' => <<"END",
#EXTM3U
#EXTINF:-1 http-user-agent="UA-1" tvg-id="x" http-referrer="http://x/",T, t
$pb/a.mp4?ua&referer&4
$kodi=$good
$pb/b.mp4?ua&referer&5
$pb/a.mp4?ua&referer&6|$good
#EXTHTTP:{"user-agent":"UA-1","cookie":"sid=1; two=2"}
$pb/b.mp4?ua&cookie&7
END
    '/inject.m3u' => <<"END",
#EXTM3U
$pb/a.mp4?inject&8|$bad&Referer=http%3A%2F%2Fx%2F
#EXTVLCOPT:http-user-agent=UA-1${null}X-Evil: 2
$pb/b.mp4?inject&9
END
    '/list.json' => $t->{json}->encode([
        { url => "$pb/a.mp4?ua&referer&10", headers =>
          { 'User-Agent' => 'UA-1', Referer => 'http://x/',
            'X-Bad' => "1\r\nX-Evil: 3", 'X-Good' => 'yes' } },
        "$pb/b.mp4?none&11" ]),
    '/query.m3u' => "#EXTM3U\n$pb/get.mp4?pick=a.mp4&sig=1\n"
                    . "$pb/get.mp4?pick=two.mp4&sig=1\n"
                    . "$pb/get.mp4?pick=a.mp4&sig=2\n",
    '/noname.m3u' => "#EXTM3U\n$pb/deep/stream?pick=hls\n",
    '/hls.m3u' => "#EXTM3U\n$pa/to/deep/master.m3u8|X-Token=t1"
                  . "&User-Agent=UA-1\n$pb/a.mp4\n",
    '/own.m3u' => "#EXTM3U\n$pb/deep/master.m3u8|X-Token=t2\n",
);


$t->write_file("lists$_", $lists{$_}) for keys %lists;


sub start {
    my ($name, $url, %def) = @_;

    $t->create($name, $url, loop => JSON::PP::false, %def);
}

my @played = (
    # name, URL, seconds of each item
    [ 'vlc', "$pa/vlc.m3u", 2, 2, 2 ],
    [ 'attrs', "$pa/attrs.m3u", 2, 2, 2, 2 ],
    [ 'inject', "$pa/inject.m3u", 2, 2 ],
    [ 'json', "$pa/list.json", 2, 2 ],
    [ 'token', "$pa/hls.m3u", 8, 2 ],
    [ 'own', "$pa/own.m3u", 8 ],
    [ 'iv', "$pb/deep/iv.m3u8", 8 ],
    [ 'noiv', "$pa/to/deep/noiv.m3u8", 8 ],
    [ 'odd', "$pb/deep/odd.m3u8", 8 ],
    [ 'html', "$pb/deep/html.m3u8", 8 ],
    [ 'mark', "$pb/deep/mark.m3u8", 8 ],
    [ 'tail', "$pb/tail.mp4?odd&norange", 2 ],
    [ 'noname', "$pa/noname.m3u", 8 ],
    [ 'hops', "$pa/hops/20/a.mp4", 2 ],
    [ 'session', "$pb/a.mp4?session", 2 ],
    [ 'sessionhls', "$pb/deep/master.m3u8?session", 8 ],

    [ 'query', "$pa/query.m3u", 2, 4, 2 ],
    [ 'download', "$pa/to/deep/master.m3u8", 8 ],

    map({ [ $_, "$pb/a.mp4?odd&$_", 2 ] }
        qw(norange none nototal lie unwanted icy chunked notgzip)),
    [ 'gzip', "$pb/deep/packed.m3u8?odd&gzip", 8 ],
    [ 'deflate', "$pb/two.m3u?odd&deflate", 2, 2 ],
    [ 'raw', "$pb/two.json?odd&raw", 2, 2 ],
    [ 'silent', "$pb/two.m3u?odd&silent", 2, 2 ],
    [ 'gz', "$pb/two.m3u.gz", 2, 2 ],
);

my $on = $live->url('');

for my $how (qw(403 429 458 503 close)) {
    $t->write_file("lists/one$how.m3u", join "\n",
                   map({ "$on/one.mp4?$_&$how" } 1 .. 3), '');
    push @played, [ "one$how", "$pa/one$how.m3u", 8, 8, 8 ];
}

my @broadcasts = (
    [ 'cut', "$on/on.ts?cut" ], [ 'clean', "$on/on.ts?clean" ],
    [ 'anew', "$on/anew.m3u8" ],
    [ 'radio', "$on/on.mp3?cut" ], [ 'radioclean', "$on/on.mp3?clean" ],
);

start($_->[0], $_->[1], max_item_duration => 17, video => 'auto',
      video_size => '160x90', video_rate => 10) for @broadcasts;

my @failed = (
    [ 'nokey', "$pb/deep/nokey.m3u8", 'source_forbidden', qr/denied\.bin/ ],
    [ 'round', "$pa/round/1.mp4", 'source_http', qr/circle/ ],
    [ 'far', "$pa/hops/21/a.mp4", 'source_http', qr/too often/ ],
    [ 'br', "$pb/a.mp4?odd&br", 'source_invalid', qr/"br"/ ],
    [ 'brlist', "$pb/two.m3u?odd&br", 'playlist_format', qr/"br"/ ],
    [ 'bomb', "$pb/two.m3u?odd&bomb", 'playlist_format', qr/8388608/ ],
);

# what docs say of them, each in the words for its name

my %words = (
    hops => 'redirects, 20 of them, with any status, to any host',
    far => 'more than 20 redirects', round => 'redirects in a circle',
    session => 'a cookie with a redirect that is asked for behind it',
    sessionhls => 'a cookie with a list of HLS, for its segments',
    vlc => 'headers of an item by `#EXTVLCOPT`',
    attrs => 'headers by attributes, `#KODIPROP`, `URL\\|…`, `#EXTHTTP`',
    json => 'headers in JSON',
    token => 'a header with a token, behind a redirect',
    norange => 'no ranges: 200 to each request',
    tail => 'no ranges, of an MP4 whose table is at its end',
    none => '206 without `Content-Range`',
    lie => '206 with a wrong `Content-Range`',
    nototal => '206 with `bytes 0-N/*`', chunked => '206 in chunks, `0-/*`',
    unwanted => '416 to `bytes=0-`', icy => '`ICY 200 OK`',
    gzip => 'gzip that was not asked for, of lists and segments',
    deflate => 'deflate, with the header of zlib',
    raw => 'deflate, without the header of zlib',
    silent => 'gzip without `Content-Encoding`', gz => 'a list `.m3u.gz`',
    notgzip => '`Content-Encoding: gzip` of what is not packed',
    br => 'another encoding, of media',
    brlist => 'another encoding, of a list',
    bomb => 'a list that is larger than 8 MiB when it is unpacked',
    map({ ("one$_" => $_ eq 'close'
           ? 'one connection at a time, others are closed'
           : "one connection at a time, $_ to others") }
        qw(403 429 458 503 close)),
    iv => 'HLS with AES-128', noiv => 'HLS with AES-128, no IV',
    nokey => 'HLS with AES-128, a key that is refused',
    odd => 'HLS with segments without an extension',
    html => 'HLS with segments with a wrong extension',
    mark => 'HLS with a mark before its list, blanks in its names',
    noname => 'HLS by a name that does not say so',
    cut => 'a broadcast over HTTP that breaks off, TS',
    radio => 'a broadcast over HTTP that breaks off, MP3',
    clean => 'a broadcast over HTTP that ends, TS',
    radioclean => 'a broadcast over HTTP that ends, MP3',
    anew => 'a broadcast of HLS that is numbered from 0 again',
);

is(join("\n", $t->book_rows('media.md', 'Servers')),
   join("\n", map({ "| $words{ $_->[0] } | played |" }
                  grep { $words{ $_->[0] } } @played, @broadcasts),
              map { "| $words{ $_->[0] } | `$_->[2]` |" } @failed),
   'docs have the table of this list');

start(@$_[0, 1], $_->[0] =~ /query|download/ ? (mode => 'download') : ())
    for @played, @failed;


# seconds on air of each item, from the as-run log
sub aired {
    my ($name, $n) = @_;

    my @run;

    $t->wait_for(sub {
        @run = grep { $_->{stream} eq $name } map { $t->{json}->decode($_) }
               split /\n/, $t->read_file('as-run/log');
        return @run >= $n;
    }, 5);

    return map { $_->{duration} } sort { $a->{index} <=> $b->{index} } @run;
}


for my $case (@played) {
    my ($name, undef, @want) = @$case;

    ok($t->wait_state($name, 'finished', 40), "$name: finished");
    is(join(' ', map { $_->{state} . ($_->{code} // '') } $t->items($name)),
       join(' ', ('played') x @want), "$name: all played")
        or diag(explain($t->items($name)));

    my @aired = aired($name, scalar @want);
    my $all = 0;
    $all += abs($aired[$_] // 0) - $want[$_] > -0.3 for 0 .. $#want;

    is($all, scalar @want, "$name: whole") or diag("@aired");
}

for my $case (@failed) {
    my ($name, undef, $code, $re) = @$case;

    # a site's fault is waited for
    ok($t->wait_state($name, $code eq 'source_http' ? 'stalled'
                             : 'finished|failed', 20), "$name: over");

    my ($item) = $t->items($name);
    $item = { code => $t->field($name, 'error', 'code'),
              reason => $t->field($name, 'error', 'message') } unless $item;
    is($item->{code}, $code, "$name: $code");
    like($item->{reason}, $re, "$name: says why");
}


is(scalar(my @sig = $media->requests(qr/get.*sig=2/)), 0,
   'another signature is no other item');

$t->like_log(qr/"anew": source broke: source_stalled: live list has begun/,
             'anew: it is seen');

for my $case (@broadcasts) {
    my ($name, $url) = @$case;

    ok($t->wait_state($name, 'finished', 40), "$name: over");

    my ($run) = grep { $_->{stream} eq $name } map { $t->{json}->decode($_) }
                split /\n/, $t->read_file('as-run/log');

    cmp_ok($run->{duration}, '>', 12, "$name: went on");
    cmp_ok($run->{slate} + $run->{gap}, '<', 12, "$name: at once")
        or diag(explain($run));

    next if $name eq 'anew';

    $url =~ s{.*/}{};
    cmp_ok(scalar(my @n = $live->requests(qr/\Q$url\E/)), '<=', 8,
           "$name: without a storm");
}

my %by = map { ($_->{target} =~ /&(\d+)$/ ? $1 : $_->{target}) => $_ }
         $media->requests(qr/&\d+$/);

like($by{3}{headers}{'user-agent'}, qr/directstream/,
     'nothing is carried over to the next item');
is($by{3}{headers}{$_}, undef, "no $_") for qw(referer cookie);
like($by{11}{headers}{'user-agent'}, qr/directstream/, 'nor in JSON');
is($by{10}{headers}{'x-good'}, 'yes', 'any name may be sent');

my @all = map { @{ $_->{raw} } } $media->requests, $first->requests;

is(join(' ', grep { /Evil|evil/ } @all), '', 'no header within a header');
is($by{8}{headers}{referer}, 'http://x/', 'a good one beside bad ones');
is($by{8}{headers}{$_}, undef, "no $_")
    for qw(x-one content-length transfer-encoding);
is($by{8}{headers}{range}, 'bytes=0-', 'the range is ours');

is(join(' ', map { $_->{headers}{'x-token'} // '-' }
             $media->requests(qr/plain\d\.ts/)) =~ s/t2//gr =~ s/[- ]//gr, '',
   'a token is sent');
is(scalar(grep { ($_->{headers}{'x-token'} // '') eq 't1' }
                $media->requests), 0,
   'but not to another host');
cmp_ok(scalar(grep { ($_->{headers}{'x-token'} // '') eq 't2' }
                   $media->requests(qr/plain\d\.ts/)), '>=', 4,
       'with segments of its own host');
is(scalar(grep { ($_->{headers}{cookie} // '') =~ /secret/ }
                $media->requests), 0,
   'no cookie goes to another host');
is(scalar(grep { ($_->{headers}{cookie} // '') =~ /session/
                 && $_->{target} !~ /checked/ } $media->requests(qr/&\d+$/)), 0,
   'nor to another item');

$t->finish;
