#!/usr/bin/perl

# Lists that need no resolver: M3U, JSON, one media file, a file below
# media_root.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $www = $t->dir . '/www';

$t->media;
$t->near(resolve_command => $t->dir . '/must-not-be-run', directstream =>
    "media_root $www;");


# plays a list to its end; its items
sub played {
    my ($name, $url, $want) = @_;

    my ($status) = $t->create($name, $url, loop => JSON::PP::false);
    is($status, 201, "$name: created");
    ok($t->wait_state($name, 'finished', 30), "$name: finished")
        or diag(explain($t->status($name)));

    my @items = $t->items($name);
    is(join(' ', map { $_->{state} } @items),
       join(' ', ('played') x $want), "$name: $want played");
    $t->api('DELETE', "api/1/streams/$name");

    return @items;
}


my $two = $t->media_url('two.mp4');

my @items = played('m3u', $t->publish_file('list.m3u', <<"END"), 2);
#EXTM3U
#EXTINF:2,The first
a.mp4
#EXTINF:2,The second, with a comma
@{[ $t->media_url('b.mp4') ]}
END

is($items[0]{title}, 'The first', 'a title of #EXTINF');
is($items[1]{title}, 'The second, with a comma', 'with a comma');
is($items[0]{duration}, 2, 'a duration');

played('crlf', $t->publish_file('list.m3u8', "#EXTM3U\r\n\r\na.mp4\r\n"), 1);

@items = played('json', $t->publish_file('list.json',
    $t->{json}->encode({ items => [
        'a.mp4',
        { url => 'two.video.mp4', audio_url => 'two.audio.m4a', id => 'two',
          title => 'Two files', duration => 4.0 },
        { url => $t->media_url('c.mp4') },
    ] })), 3);

is($items[1]{title}, 'Two files', 'a title');
is($items[1]{id}, 'two', 'an id');
is($items[1]{duration}, 4, 'a duration');

played('array', $t->publish_file('array.json', '["b.mp4"]'), 1);
played('plain', $t->media_url('d.mp4'), 1);

# a file, and a list of files

system('cp', DirectStream::Media::path('a.mp4'), "$www/file-a.mp4");
played('file', "file://$www/file-a.mp4", 1);

$t->publish_file('files.json',
                 $t->{json}->encode([ "file://$www/file-a.mp4" ]));
played('files', "file://$www/files.json", 1);

my ($status, $data) = $t->create('outside', 'file:///etc/passwd.mp4',
                                 loop => JSON::PP::false);
if ($status == 201) {
    ok($t->wait_state('outside', 'failed', 10), 'outside of media_root');
    like($t->field('outside', 'error', 'code'), qr/^source_|^playlist_/,
         'a file outside is not read');

} else {
    is($data->{code}, 'invalid_field', 'a file outside is not read');
}

symlink '/etc/hostname', "$www/link.mp4";
$t->create('link', "file://$www/link.mp4", loop => JSON::PP::false);
ok($t->wait_state('link', 'failed', 10), 'a link that leads out');
my ($item) = $t->items('link');
is($item->{code}, 'source_denied', 'is denied');

# what is not understood

my %bad = (
    'empty.m3u' => ["#EXTM3U\n", 'playlist_empty'],
    'empty.json' => ['[]', 'playlist_empty'],
    'broken.json' => ['["a.mp4",', 'playlist_format'],
    'wrong.json' => ['[5, {"x": 1}]', 'playlist_format'],
    'large.json' => ['[' . '"a.mp4",' x 4_000_000 . '"a.mp4"]',
                     'playlist_format'],
);

for my $file (sort keys %bad) {
    my ($text, $code) = @{ $bad{$file} };
    (my $name = $file) =~ s{\.}{};

    $t->create($name, $t->publish_file($file, $text),
               loop => JSON::PP::false);
    ok($t->wait_error($name, $code), "$file: $code");
    $t->api('DELETE', "api/1/streams/$name");
}

$t->create('nolist', $t->media_url('none.m3u'), loop => JSON::PP::false);
ok($t->wait_state('nolist', 'failed', 10), 'a list that is not there');
like($t->field('nolist', 'error', 'code'),
     qr/^(?:playlist_unavailable|source_not_found)$/, 'with a code');

unlike($t->log_of, qr/must-not-be-run/, 'no resolver was needed');

$t->finish;
