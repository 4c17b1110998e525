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
}


sub stream {
    my ($text) = @_;
    return "stream s {\n$text\n}";
}


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
    stream one.two-3_x {
        $list
        mode direct; shuffle on; loop off;
        publish rtmp://127.0.0.1/other;
        push rtmp://127.0.0.1/live2/key;
    }
    stream two { playlist file:///srv/a.mp4; }
END

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
bad('mode', stream("$list\nmode download;"), qr/direct/, 'mode download');
bad('shuffle', stream("$list\nshuffle maybe;"), qr/"on" or "off"|on.*off/,
    'shuffle maybe');
bad('loop', stream("$list\nloop 3;"), qr/"on" or "off"|on.*off/, 'loop 3');
bad('publish', stream("$list\npublish http://x/live;"), qr{rtmp://},
    'publish http');
bad('publish without application', stream("$list\npublish rtmp://h;"),
    qr{rtmp://host}, 'publish rtmp://h;');
bad('push', stream("$list\npush https://x/live/key;"), qr{rtmp://},
    'push https');
bad('push without key', stream("$list\npush rtmp://h/app;"), qr{key},
    'push rtmp://h/app;');

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

# -t leaves nothing behind
ok(!-e $t->state_path . '/owners.lock', 'nginx -t makes no state');

$t->finish;
