#!/usr/bin/perl

# nginx -t: what is good passes, what is bad is refused with file, line and
# what is accepted.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;


sub conf {
    my ($block, %args) = @_;
    return $t->near_write(directstream => $block, %args)->{conf};
}


# where "needle" is in the file that was written
sub line_of {
    my ($file, $needle) = @_;

    my $n = 0;
    for (split /\n/, $t->read_file($file)) {
        $n++;
        return $n if index($_, $needle) >= 0;
    }

    return 0;
}


sub good {
    my ($name, $block, %args) = @_;

    my ($status, $out) = $t->nginx_t(conf($block, %args));
    ok($status == 0, $name) or diag($out);
}


sub bad {
    my ($name, $block, $re, $needle) = @_;

    my $file = conf($block);
    my ($status, $out) = $t->nginx_t($file);

    my $line = line_of($file, defined $needle ? $needle : $block);

    isnt($status, 0, "$name: refused");
    like($out, $re, "$name: says what is accepted");
    like($out, qr/\Q$file\E:$line\b/, "$name: file and line");
    unlike($out, qr/KEYKEY/, "$name: shows no key");
}


sub stream {
    my ($text) = @_;
    return "stream s {\n$text\n}";
}


my $file = $t->write_file('file', 'x');
my $empty = $t->write_file('empty', '');
$t->write_file('near/slate.png', 'x');

my $list = 'playlist https://www.youtube.com/playlist?list=PLx;';

good('an empty block', '');
good('no block', '', no_block => 1, no_admin => 1);
good('a stream', stream($list));
good('a bare id', stream('playlist PLabcdefghijklmnop;'));
good('all of it', <<"END");
    resolve_extractors youtube,generic;
    resolve_timeout 30s;
    source_timeout 5s;
    buffer 3s 2m;
    allow_source 127.0.0.1;
    deny_source 10.0.0.0/8;
    deny_source ::1/128;
    deny_source all;
    media_root /srv;
    encodes 4;
    push_buffer 64m;
    cache_path /var/cache/media; cache_max_size 1m; cache_min_free 0;
    mode hybrid;
    push_trusted_certificate $file;
    video auto; video_size 1920x1080; video_rate 25; video_bitrate 4500k;
    audio_bitrate 160k; audio_rate 48000; max_keyframe_interval 4s;
    slate $file; max_item_duration 1h;
    stream one.two-3_x {
        $list
        mode download; shuffle on; loop off;
        publish rtmp://127.0.0.1/other;
        push rtmp://127.0.0.1/live2/key;
        video copy; video_size 64x2160; video_rate 1; video_bitrate 50m;
        audio_bitrate 32000; audio_rate 44100; max_keyframe_interval off;
        slate slate.png; max_item_duration 0;
    }
    stream two { playlist file:///srv/a.mp4; push rtmps://h/app/key; }
    stream three { $list push rtmp://h/app/key via=engine; }
    stream four { $list push rtmp://h/app/key via=rtmp; }
    stream five { $list push rtmps://[::1]:443/app/key via=engine; }
END
good('encodes auto', 'encodes auto;');

bad('resolve_timeout', 'resolve_timeout soon;', qr/resolve_timeout/);
bad('resolve_timeout 0', 'resolve_timeout 0;', qr/resolve_timeout/);
bad('source_timeout', 'source_timeout -1s;', qr/source_timeout/);
bad('buffer time', 'buffer x 4m;', qr/buffer/);
bad('buffer size', 'buffer 4s lots;', qr/buffer/);
bad('buffer arguments', 'buffer 4s;', qr/number of arguments.*buffer/);
bad('allow_source', 'allow_source 10.0.0.0/99;', qr/allow_source|CIDR|all/);
bad('deny_source', 'deny_source example;', qr/deny_source|CIDR|all/);
bad('unknown directive', 'bogus on;', qr/unknown directive "bogus"/);
bad('duplicate', "resolve_timeout 1s;\nresolve_timeout 2s;",
    qr/duplicate/, 'resolve_timeout 2s');
bad('state_path twice', 'state_path /tmp/two;', qr/duplicate/);
bad('resolve_extractors', 'resolve_extractors "--exec x";',
    qr/extractor.*letters/);

bad('stream name', "stream a/b { $list }", qr/A-Z|\[A-Za-z0-9/);
bad('stream name ..', "stream .. { $list }", qr/name|stream/);
bad('stream name, 65', 'stream ' . 'x' x 65 . " { $list }", qr/64/);
bad('two streams', "stream s { $list }\nstream s {  $list }",
    qr/duplicate|already/, 'stream s {  ');
bad('no playlist', "stream nolist { loop on; }", qr/playlist/);
bad('shuffle', stream("$list\nshuffle maybe;"), qr/"on" or "off"|on.*off/,
    'shuffle maybe');
bad('loop', stream("$list\nloop 3;"), qr/"on" or "off"|on.*off/, 'loop 3');
bad('publish', stream("$list\npublish http://x/live;"), qr{rtmp://},
    'publish http');
bad('publish without application', stream("$list\npublish rtmp://h;"),
    qr{rtmp://host}, 'publish rtmp://h;');
bad('publish none', stream("$list\npublish none;"),
    qr/"none" leaves nothing but outputs by the engine/, 'stream s {');
bad('publish none with a push by nginx-rtmp',
    stream("$list\npublish none;\npush rtmp://h/app/key;"),
    qr/"none" leaves nothing but outputs by the engine/, 'stream s {');
bad('push', stream("$list\npush https://x/live/key;"), qr{rtmp://},
    'push https');
bad('push without key', stream("$list\npush rtmp://h/app;"), qr{key},
    'push rtmp://h/app;');

my $long = 'k' x 250;

bad('push over TLS by nginx-rtmp', stream(
    "$list\npush rtmps://h/app/KEYKEY via=rtmp;"), qr/rtmps.*engine/,
    'push rtmps');
good('push to IPv6 by nginx-rtmp', stream("$list\npush rtmp://[::1]/a/key;"));
good('push that nginx-rtmp would cut',
     stream("$list\npush rtmp://h/a/$long;"));
good('pushes', stream("$list\npush name=a rtmp://h/a/k1;\n"
    . "push rtmp://h/live2?backup=1/KEY role=backup;\n"
    . "push rtmps://u:p\@h/app/k3 via=engine role=primary;\n"
    . "push rtmp://h/a/k4 via=rtmp;"));
bad('two pushes by nginx-rtmp', "stream s { $list\npush rtmp://h/a/KEYKEY "
    . "via=rtmp;\npush name=two rtmp://h/a/KEYKEY via=rtmp; }",
    qr/nginx-rtmp pushes to one target only, which is "push".*"two"/,
    'via=rtmp; }');
bad('push twice', stream("$list\npush name=a rtmp://h/a/KEYKEY;"
    . "\npush name=a rtmp://h/b/KEYKEY;"), qr/two outputs have the name "a"/,
    'push name=a rtmp://h/b');
bad('push name', stream("$list\npush name=a/b rtmp://h/a/KEYKEY;"),
    qr/an output's name/, 'push name');
bad('push to app?args by nginx-rtmp',
    stream("$list\npush rtmp://h/a?b=c/KEYKEY via=rtmp;"),
    qr/app\?args.*engine/, 'push rtmp');
bad('too many pushes',
    stream("$list\n" . join("\n", map "push rtmp://h/a/K$_;", 1 .. 17)),
    qr/at most 16 outputs/, 'push rtmp://h/a/K17');

my $key = "$t->{dir}/key";
bad('no key_file', stream("$list\npush rtmp://h/a key_file=$key;"),
    qr/"key_file".*No such file/, 'push rtmp://h/a key_file');
for (["KEYKEY\n", 1], ["", 0], ["KEY KEY\n", 0], ["KEYKEY\nKEYKEY\n", 0],
     ["K\0KEYKEY", 0], ["x" x 4096, 0])
{
    my ($text, $ok) = @$_;
    open my $out, '>', $key or die "$key: $!";
    print $out $text;
    close $out or die "$key: $!";
    chmod 0600, $key;
    my $conf = stream("$list\npush rtmp://h/a key_file=$key;");
    $ok ? good('key_file', $conf)
        : bad('key_file', $conf, qr/"key_file".*one line/, 'push rtmp');
}
bad('key_file that is a directory',
    stream("$list\npush rtmp://h/a key_file=$t->{dir};"),
    qr/"key_file".*cannot be read/, 'push rtmp');
bad('push that nginx-rtmp cuts',
    stream("$list\npush rtmp://h/a/$long via=rtmp;"),
    qr/at most 200/, 'push rtmp');
good('a long key by the engine',
     stream("$list\npush rtmp://h/a/$long via=engine;"));
bad('push via', stream("$list\npush rtmp://h/app/key KEYKEY;"),
    qr/"via=rtmp", "via=engine"/, 'push rtmp');

# wherever they are allowed

for my $i (
    [ mode => qr/"direct", "download" or "hybrid"/, 'off', 'Direct',
      'hybrids', '' ],
    [ video => qr/"copy", "auto" or "encode"/, 'on', 'Copy', 'autox' ],
    [ video_size => qr/WIDTHxHEIGHT/, '1280', '1280x', 'x720', '1281x720',
      '1280x719', '62x64', '64x62', '3842x2160', '3840x2162', '1280x720p',
      '1280*720', '-2x64', '99999999999999999999x720' ],
    [ video_rate => qr/from 1 to 60/, '0', '61', '29.97', '-1', 'x', '30k',
      '99999999999999999999' ],
    [ video_bitrate => qr/\(100k\) to 50000000 \(50m\)/, '99999', '99k',
      '50000001', '51m', '2.5m', 'k', '-1k', '3g', '99999999999999999m' ],
    [ audio_bitrate => qr/\(32k\) to 512000 \(512k\)/, '31k', '513k', '1m',
      'x' ],
    [ audio_rate => qr/44100 or 48000/, '44101', '22050', '96000', '44.1k' ],
    [ max_keyframe_interval => qr/off.*from 1 second to 1 hour/, '999ms',
      '61m', 'on', '-1s', '1x' ],
    [ max_item_duration => qr/off.*from 1 second to 30 days/, '999ms', '31d',
      'never', '9999999999999999y' ],
    [ slate => qr/can be read/, 'nofile.png', '/', $empty,
      't' x 3000 ],
) {
    my ($name, $re, @values) = @$i;

    bad("$name $_", qq{$name "$_";}, $re) for @values;
    bad("$name in a stream", stream(qq{$list\n$name "$values[0]";}), $re,
        qq{$name "$values[0]"});
    bad("$name without a value", "$name;", qr/number of arguments.*$name/);
}

bad('video twice', "video copy;\nvideo  auto;", qr/duplicate/,
    'video  auto');
good('video in both places', "stream s { $list video copy; } video auto;");
bad("encodes $_", "encodes $_;", qr/from 1 to 1024, or "auto"/)
    for qw(0 -1 1025 many 1.5);
bad("push_buffer $_", "push_buffer $_;", qr/from 1m to 1024g/)
    for qw(x 0 1000k 1025g -1);
bad("cache_max_size $_", "cache_max_size $_;",
    qr/it must be 1048576 bytes or more/) for qw(0 1023k -1 big 10t 1.5g);
bad("cache_min_free $_", "cache_min_free $_;",
    qr/it must be 0 bytes or more/) for qw(-1 x 99999999999999g);
bad('cache_max_size twice', "cache_max_size 1g;\ncache_max_size  2g;",
    qr/duplicate/, 'cache_max_size  2g');
bad('cache_path', 'cache_path "";', qr/must name a directory/);
bad('push_trusted_certificate', 'push_trusted_certificate nofile.pem;',
    qr/can be read/);

for my $bad ('ftp://host/x.mp4', 'http://', 'http://user:pw@host/a.mp4',
             '--exec=x', '-x', 'PL', 'hello world', 'file:///etc/passwd',
             'http://host/a#b', 'ytsearch1:cats', 'javascript:x')
{
    my $file = conf(qq{stream s {\nplaylist "$bad";\n}});
    my ($status, $out) = $t->nginx_t($file);

    isnt($status, 0, "playlist \"$bad\": refused");
    like($out, qr/\Q$file\E:\d+/, "playlist \"$bad\": file and line")
        or diag($out);
    like($out, qr/"playlist".*: .*(?:URL|http)/,
         "playlist \"$bad\": says what is accepted");
    unlike($out, qr/user:pw/, 'no secret is shown');
}

my ($status, $out) = $t->nginx_t($t->near_write(write => 'write=maybe')
                                 ->{conf});
isnt($status, 0, 'directstream_admin write=maybe: refused');
like($out, qr/write=on/, 'directstream_admin: says what is accepted');

($status, $out) = $t->nginx_t($t->near_write(no_block => 1)->{conf});
isnt($status, 0, 'directstream_admin without the block: refused');
like($out, qr/directstream/, 'directstream_admin without the block: why');

# a push that nobody would be told of

my $push = "stream s { $list\npush rtmp://127.0.0.1/a/KEYKEY; }";

($status, $out) = $t->nginx_t(conf($push, no_admin => 1));
is($status, 0, 'a push without directstream_on_publish');
like($out, qr/\[warn\].*no "directstream_on_publish".*"s" in \S+:\d+/,
     'is warned of');
unlike($out, qr/KEYKEY/, 'without its key');
($status, $out) = $t->nginx_t(conf($push));
unlike($out, qr/\[warn\]/, 'with it, it is not');

# -t leaves nothing behind
ok(!-e $t->state_path . '/owners.lock', 'nginx -t makes no state');
ok(!-e $t->state_path . '/cache', 'nor a cache');

# somebody else's directory is left as it is, by -t and by a start

SKIP: {
    skip 'needs root', 20 unless $> == 0;

    my $taken = $t->dir . '/taken';
    my $link = $t->dir . '/link';
    my $empty = $t->dir . '/empty-dir';

    $t->write_file('taken/file', 'x');
    chmod 02775, $taken;
    symlink $taken, $link;
    mkdir $empty;
    chmod 02750, $empty;

    my %refused = (
        "cache_path $taken;" => qr/"cache_path" "\Q$taken\E" is not empty/,
        "cache_path $taken/;" => qr/"cache_path" "\Q$taken\E" is not empty/,
        "cache_path $link;" => qr/"\Q$link\E" cannot be .* symbolic link/,
        "cache_path $link/;" => qr/"\Q$link\E" cannot be .* symbolic link/,
        'cache_path /tmp;' => qr/"\/tmp" must be .*, not writable by others/,
        "cache_path $taken/file;" => qr/must be a directory/,
    );

    for my $block (sort keys %refused) {
        my ($status, $out) = $t->nginx_t(conf($block));

        isnt($status, 0, "$block refused");
        like($out, $refused{$block}, 'and why');
        ok(!eval { $t->start_nginx('near'); 1 }, 'no start, either');
    }

    is(sprintf('%o', (stat $taken)[2] & 07777), '2775', 'the mode is left');
    is((stat $taken)[4], 0, 'and the owner');

    $t->allow($_) for values %refused;

    # an empty one is taken, and its bits are not

    $t->near_write(directstream => "cache_path $empty;");
    $t->start_nginx('near');
    is((stat $empty)[4], (getpwnam 'www-data')[2], 'an empty one is taken');
    is(sprintf('%o', (stat $empty)[2] & 07777), '2750', 'with its mode');
    is(sprintf('%o', (stat $t->state_path)[2] & 0777), '700', 'one is made');
}

$t->finish;
