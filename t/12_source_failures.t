#!/usr/bin/perl

# Every way in which a source fails has its code at the item and a line in
# the log; the stream goes on with the next item, or waits for the site;
# nothing is leaked.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $closed = $t->port;

$t->media;
$t->near(directstream => <<"END");
    source_timeout 2s;
    deny_source 127.9.0.0/16;
END

my @cases = (
    [ 'refused', "http://127.0.0.1:$closed/a.mp4", 'source_refused' ],
    [ 'dns', 'http://no-such-host.invalid/a.mp4', 'source_dns' ],
    [ 'denied', 'http://127.9.0.1/a.mp4', 'source_denied' ],
    [ 'tls', $t->media_url('a.mp4'), 'source_tls' ],
    [ 'forbidden', $t->media_url('a.mp4', 'status=403'),
      'source_forbidden' ],
    [ 'notfound', $t->media_url('none.mp4'), 'source_not_found' ],
    [ 'gone', $t->media_url('a.mp4', 'status=410'), 'source_not_found' ],
    [ 'limited', $t->media_url('a.mp4', 'status=429'),
      'source_rate_limited' ],
    [ 'error', $t->media_url('a.mp4', 'status=500'), 'source_http' ],
    [ 'cut', $t->media_url('a.mp4', 'cut=40000'), 'source_cut' ],
    [ 'stall', $t->media_url('a.mp4', 'stall=40000'), 'source_stalled' ],
    [ 'hang', $t->media_url('a.mp4', 'hang=1'), 'source_timeout' ],
    [ 'html', $t->media_url('a.mp4', 'html=1'), 'source_invalid' ],
    [ 'noise', $t->media_url('noise.mp4'), 'source_invalid' ],
    [ 'mpeg4', $t->media_url('mpeg4.mp4'), 'codec_video' ],
    [ 'mp3', $t->media_url('mp3.mp4'), 'codec_audio' ],
    [ 'silent', $t->media_url('silent.mp4'), 'no_audio' ],
    [ 'dark', $t->media_url('dark.mp4'), 'no_video' ],
    [ 'loop', $t->media_url('a.mp4', 'redirect='
              . '/a.mp4?redirect=ftp://127.0.0.1/x'), 'source_denied' ],
);

pop @cases;
$cases[3][1] =~ s/^http:/https:/;

while (my @some = splice @cases, 0, 6) {
    for my $c (@some) {
        my ($name, $url) = @$c;
        my $list = $t->plain_list($name, $url);
        $t->create($name, $list, loop => JSON::PP::false);
    }

    for my $c (@some) {
        my ($name, $url, $code) = @$c;

        my $waits = $code =~ /_(?:refused|dns|tls|rate_limited|http|timeout)$/;

        ok($t->wait_state($name, $waits ? 'stalled' : 'failed|finished', 20),
           $waits ? "$name: is waited for" : "$name: ended");

        my ($item) = $t->items($name);
        is($item && $item->{code}, $code, "$name: item's code $code")
            or diag(explain($item));
        is($t->field($name, 'error', 'code'), $code, "$name: status")
            if $t->state($name) eq 'finished';

        $t->like_log(qr/directstream "\Q$name\E".*\Q$code\E/,
                     "$name: a line in the log");
        $t->api('DELETE', "api/1/streams/$name");
    }
}

# a redirect to another scheme is not followed

my $list = $t->plain_list('scheme',
    $t->media_url('a.mp4', 'redirect=file:///etc/passwd'));
$t->create('scheme', $list, loop => JSON::PP::false);
ok($t->wait_state('scheme', 'failed', 10), 'a redirect to file: failed');
my ($item) = $t->items('scheme');
like($item->{code}, qr/^source_/, "with a code: $item->{code}");
$t->api('DELETE', 'api/1/streams/scheme');

# a redirect to http is followed

$list = $t->plain_list('redirect', $t->media_url('a.mp4',
                       'redirect=/b.mp4'));
$t->create('redirect', $list, loop => JSON::PP::false);
ok($t->wait_state('redirect', 'finished', 10), 'a redirect is followed');
is($t->field('redirect', 'playlist', 'played'), 1, 'and played');
$t->api('DELETE', 'api/1/streams/redirect');

# the stream goes on

$t->far;
$list = $t->plain_list('goeson', 'a.mp4',
                       $t->media_url('a.mp4', 'status=404'), 'noise.mp4',
                       $t->media_url('b.mp4', 'cut=50000'), 'c.mp4');
my $w = $t->watch('goeson');
$t->create('goeson', $list, loop => JSON::PP::false);
ok($t->wait_state('goeson', 'finished', 20), 'a list with bad items ends');

my @states = map { $_->{state} } $t->items('goeson');
is("@states", 'played failed failed failed played', 'the good were played');
my $flow = $t->watched($w);
is(join("\n", $flow->backward), '', 'no backward time stamp');
cmp_ok($flow->largest_step('V'), '<=', 210, 'and no step but the slate\'s');

ok($t->wait_for(sub { !$t->engine_threads($t->relay_pid) }, 5),
   'no thread is left') or diag(join ' ', $t->threads($t->relay_pid));

# a source that stalls makes room for the slate, and goes on at its next key
# frame, up to 4 s later: what was not sent is told

DirectStream::Media::clip($t->dir . '/www/keys.mp4', 12, '320x180', 44100,
                          '-g 100 -bf 0', 12, 440);

my $at = int(0.2 * -s $t->dir . '/www/keys.mp4');
my $keys = $t->watch('keys');

$t->create('keys', $t->plain_list('keys', $t->media_url('keys.mp4',
           "drip=60000&outage=$at-1500")), loop => JSON::PP::false);

ok($t->wait_state('keys', 'finished', 40), 'one that stalls is finished');

# the slate is silent: its packets are small
my $sent = 1.024 / 44.1 * grep { $_->{size} > 60 }
                          $t->watched($keys)->packets('A');
my ($item) = $t->items('keys');
my ($unsent) = ($item->{reason} || '')
               =~ /^(\d+\.\d) of 1[12]\.\d s were not sent/;

diag(sprintf 'keys: %.1f of 12.0 s at the far end, %s, %s', $sent,
     $item->{state}, $item->{reason} || '');
is($item->{code}, 'source_stalled', 'it was not played');
cmp_ok(abs(12 - $sent - ($unsent || 0)), '<', 0.5, 'and lacks what is told');

# secrets of a media URL are not shown

unlike($t->log_of, qr/status=403|cut=40000/, 'no query string in the log');

$t->finish;
