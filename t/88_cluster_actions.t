#!/usr/bin/perl

# What is asked for on a node that has not the stream: skip, previous, refresh,
# restart of a stream and of an output, what is queued, taken out, and gone to,
# an output stopped, a start of what has ended: the owner does it
# at once.  One that does not answer does nothing later, either.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Cluster;
use DirectStream::Schema;
use DirectStream::Test;


plan(skip_all => DirectStream::Cluster->missing)
    if DirectStream::Cluster->missing;

my $t = DirectStream::Test->new;
my $c = DirectStream::Cluster->new($t);
my $slow = $ENV{DS_SLOW} || 1;

$c->etcd(1);
$c->far;
$t->media;

my $www = $t->dir . '/www';
DirectStream::Media::clip("$www/long$_.mp4", 30, '320x180', 44100,
                          '-g 25 -bf 0', $_ * 20, 440) for 1 .. 3;
my $url = $t->plain_list('list', map { "long$_.mp4" } 1 .. 3);
my $short = $t->plain_list('short', 'a.mp4');

$c->node($_, { s1 => $url, s2 => $url }) for qw(a b);

ok($t->wait_for(sub {
    2 == grep { ($c->owner('a', $_))[1] && is_live($_) } qw(s1 s2);
}, 25 * $slow), 'both are on air') or diag($c->owned('a'));


sub there {
    my ($stream) = @_;
    my ($owner) = $c->owner('a', $stream);
    return ($owner, $owner eq 'a' ? 'b' : 'a');
}


sub status {
    my ($stream, $node) = @_;
    ($node) = there($stream) unless $node;
    return {} unless $node;
    my ($status, $data) = $c->api($node, 'GET', "streams/$stream");
    return $status == 200 ? $data->{status} : {};
}


sub is_live {
    my ($stream) = @_;
    my $st = status($stream);
    return ($st->{state} || '') eq 'live' && $st->{item};
}


sub on_air {
    my ($stream, $what) = @_;
    my $st = status($stream);
    return join ' ', $st->{item}{index} // '-', $st->{item}{title} // '';
}


sub told {
    my ($node, $what) = @_;
    my @lines = $t->log_of($node) =~ /\Q$what\E, asked for on another node/g;
    return scalar @lines;
}


sub seen {
    my ($what, $test) = @_;
    ok($t->wait_for($test, 10 * $slow), $what) or diag(explain(status('s1')));
}

my ($owner, $other) = there('s1');
my $api = DirectStream::Schema->new(($c->api('a', 'GET', 'openapi.json'))[1]);

# steps

is(status('s1', $other)->{state}, 'held', 'held on the other node');
is(on_air('s1'), '0 long1.mp4', 'the first item');

my $from = Time::HiRes::time();
my ($status, $data, $r) = $c->api($other, 'POST', 'streams/s1/skip', {});
my $took = Time::HiRes::time() - $from;
is($status, 202, 'skip, on the other node');
is(join("\n", $api->answer('POST', '/1/streams/{name}/skip', $r, $data)), '',
   'as described');
is($data->{status}{node}, $owner, 'the answer says who has it');
diag(sprintf 'taken after %.2f s', $took);
seen('skipped', sub { on_air('s1') eq '1 long2.mp4' });

is($c->api($other, 'POST', 'streams/s1/previous', {}), 202, 'previous');
seen('back', sub { on_air('s1') eq '0 long1.mp4' });

is($c->api($other, 'POST', 'streams/s1/refresh', {}), 202, 'refresh');
is(told($owner, 'refresh'), 1, 'of the list');
is($c->api($other, 'POST', 'streams/s1/prefetch', { on => JSON::PP::false }),
   202, 'prefetch');
is(told($owner, 'prefetch_off'), 1, 'off');

# where the list goes on, and what is queued

is($c->api($other, 'POST', 'streams/s1/play', { index => 2, at => 'now' }), 202,
   'go to');
seen('there', sub { on_air('s1') eq '2 long3.mp4' });

($status, $data) = $c->api($other, 'POST', 'streams/s1/queue',
                           { url => $t->media_url('long1.mp4'),
                             title => 'now', at => 'now' });
is($status, 202, 'queued, now');
my $id = $data->{id};
seen('on air', sub { (status('s1')->{item}{title} // '') eq 'now' });
ok($t->wait_for(sub {
    my ($status, $data) = $c->api($other, 'GET', 'streams/s1/queue');
    ($data->{entries}[0]{state} // '') eq 'on_air';
}, 10 * $slow), 'so says the other node');
($status, $data) = $c->api($other, 'DELETE', "streams/s1/queue/$id");
is("$status $data->{code}", '409 queue_on_air', 'and does not take it out');

($status, $data) = $c->api($other, 'POST', 'streams/s1/queue',
                           { url => $t->media_url('long2.mp4'),
                             title => 'next' });
seen('one waits', sub {
    my $q = status('s1')->{queue};
    ($q->{length} // 0) == 2;
});
is($c->api($other, 'DELETE', "streams/s1/queue/$data->{id}"), 204,
   'taken out');
is($c->api($other, 'POST', 'streams/s1/skip', {}), 202, 'skip');
seen('the list goes on', sub { on_air('s1') =~ /long/ });

# sessions

my $name = status('s1')->{outputs}[0]{name};
my ($since) = map { $_->{since} } status('s1')->{outputs}[0];
is($c->api($other, 'POST', "streams/s1/outputs/$name/restart", {}), 202,
   'an output is restarted');
seen('another session', sub {
    my $o = status('s1')->{outputs}[0];
    $o->{state} eq 'up' && $o->{since} ne $since;
});
is($c->api($other, 'POST', 'streams/s1/outputs/none/restart', {}), 404,
   'one that is not there is not');
is($c->api($other, 'POST', "streams/s1/outputs/$name/stop", {}), 202,
   'stopped');

# an answer of the owner's API would look for what was changed

ok($t->wait_for(sub { !$c->on_air->{s1} }, 10 * $slow), 'the far end sees it');
is(status('s1')->{outputs}[0]{state}, 'stopped', 'on the owner');
is($c->api($other, 'POST', "streams/s1/outputs/$name/start", {}), 202,
   'started');
ok($t->wait_for(sub { $c->on_air->{s1} }, 10 * $slow), 'it is back');


sub runs {
    my ($stream) = @_;
    my ($owner) = there($stream);
    my ($status, $data) = $c->api($owner, 'GET', "runs?stream=$stream");
    return $data->{total} // -1;
}

my $n = runs('s1');
is($c->api($other, 'POST', 'streams/s1/restart', {}), 202, 'restart');
seen('another run', sub { runs('s1') == $n + 1 && is_live('s1') });

# what has ended

is($c->api($other, 'POST', 'streams', {
    name => 'd', playlist => $short, publish => 'none', push => "$t->{far}/d",
    push_via => 'engine', loop => JSON::PP::false,
}), 201, 'one more');
ok($t->wait_for(sub { (status('d')->{state} // '') eq 'finished' },
                20 * $slow), 'it ends') or diag(explain(status('d')));
my $elsewhere = (there('d'))[1];
$n = runs('d');
is($c->api($elsewhere, 'POST', 'streams/d/start', {}), 202, 'started again');
ok($t->wait_for(sub { runs('d') == $n + 1 }, 10 * $slow), 'it begins anew')
    or diag(explain(status('d')));

# what is said of a stream is known where it is

($status, $data) = $c->api($other, 'GET', 'streams/s1/snapshot.jpg');
is("$status $data->{detail}", '503 there is no picture: another node has the '
   . 'stream', 'no picture of it');
($status, $data) = $c->api($other, 'POST', 'streams/s1/youtube/check', {});
is("$status $data->{code}", '409 youtube_off', 'no YouTube');
is($c->api($other, 'POST', 'streams/none/skip', {}), 404, 'no stream');

# an owner that does not answer

ok($t->wait_for(sub { is_live('s1') }, 10 * $slow), 'it is on air');
my ($asked, $item) = (told($owner, 'skip'), on_air('s1'));
my @pids = ($t->master_pid($owner));
push @pids, $t->descendants($pids[0]);
kill 'STOP', @pids;
($status, $data, $r) = $c->api($other, 'POST', 'streams/s1/skip', {});
kill 'CONT', @pids;
is("$status $data->{code}", '503 owner_unreachable', 'he is told');
like($data->{detail}, qr/node "$owner" .* nothing was done/, 'that nothing is');
ok($r->{headers}{'retry-after'}, 'with a time to come again');
is($c->api($other, 'POST', 'streams/s1/refresh', {}), 202, 'it is back');
is(told($owner, 'skip'), $asked, 'nothing was done later');

# what happened is told on every node

($status, $data) = $c->api($owner, 'POST', 'node/drain', {});
is($status, 202, 'it is drained');
ok($t->wait_for(sub { ($c->owner($other, 's1'))[0] eq $other }, 10 * $slow),
   'the other one has it');
my $epoch = ($c->owner($other, 's1'))[1];
my $n_ = $t->{nginx}{$owner};
my (undef, $events) = $t->command('curl', '-sN', '-m', 2,
    "http://$n_->{host}:$n_->{http}/directstream/api/1/events?since=0");

for my $want ('this node has joined', 'node \\"' . $other . '\\" has joined',
              'this node gives its streams up',
              'node \\"' . $other . '\\" has it, epoch ' . $epoch)
{
    like($events, qr/"type":"cluster".*\Q$want\E|\Q$want\E.*"type":"cluster"/,
         $want);
}

$t->finish;
