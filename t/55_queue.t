#!/usr/bin/perl

# The queue: what is asked for now, next and at the end is what the far end
# sees, without a gap; what is wrong is refused, and nothing of it is kept;
# a stop, a reload, a kill and a changed playlist lose nothing.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Events;


my $t = DirectStream::Test->new;
my $dir = $t->dir;

$t->far;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

my $long = $t->plain_list('long', map { "long.mp4?$_" } 0 .. 3);
my $three = $t->plain_list('three', 'mid.mp4', 'a.mp4', 'b.mp4');
my $five = $t->stub_list('PLqueue', entries => [
    map { $t->stub_entry("queueitem00$_", 'long.mp4', duration => 60) } 0 .. 4
]);

my $common = <<"END";
directstream_log $dir/logs/asrun.log json;
deny_source 10.0.0.0/8;
stream fixed { playlist $long; }
END

$t->near(directstream => $common, http => <<"END");
location /ro/ { directstream_admin; }
location = /directstream/metrics { directstream_metrics; }
END

sub queue {
    my ($name, $body, %args) = @_;
    return $t->api('POST', "api/1/streams/$name/queue", $body, %args);
}

sub entries {
    my ($name) = @_;
    my ($status, $data) = $t->api('GET', "api/1/streams/$name/queue");
    return @{ $data->{entries} || [] };
}

sub queued {
    return join ' ', map { $_->{title} // $_->{item} } entries(@_);
}

sub item {
    my ($name) = @_;
    return $t->field($name, 'item') || {};
}

# the item on air: its title, or the last part of its URL
sub on_air {
    my ($name, $like, $what) = @_;

    my $last = '';

    my $ok = ok($t->wait_for(sub {
        $last = item($name)->{title} // '';
        return $last =~ $like;
    }, 20), $what);

    diag("\"$last\" is on air") unless $ok;

    return item($name);
}

sub past {
    my ($name, $position) = @_;
    return $t->wait_for(sub {
        (item($name)->{position} || 0) >= $position;
    }, 20);
}

sub as_run {
    return map { JSON::PP::decode_json($_) }
           split /\n/, $t->read_file('logs/asrun.log');
}


# what is refused

is(($t->create('idle', $long, start => JSON::PP::false))[0], 201, 'a stream');

my $url = $t->media_url('mid.mp4');

my @bad = (
    [ {}, 'missing_field', 'url' ],
    [ '[]', 'bad_json' ],
    [ { url => $url, index => 0 }, 'invalid_field' ],
    [ { index => 0, id => 'x' }, 'invalid_field' ],
    [ { url => 7 }, 'invalid_field', 'url' ],
    [ { url => 'ftp://example.com/a.mp4' }, 'invalid_field', 'url' ],
    [ { url => 'file:///etc/passwd.mp4' }, 'invalid_field', 'url' ],
    [ { url => 'PLxxxxxxxxxxxxxxxx' }, 'invalid_field', 'url' ],
    [ { url => 'http://example.com/list.m3u' }, 'invalid_field', 'url' ],
    [ { url => $five }, 'invalid_field', 'url' ],
    [ { url => 'http://u:p@example.com/a.mp4' }, 'invalid_field', 'url' ],
    [ { url => 'http://10.1.2.3/a.mp4' }, 'source_denied', 'url' ],
    [ { index => -1 }, 'invalid_field', 'index' ],
    [ { index => 1.5 }, 'invalid_field', 'index' ],
    [ { index => 4 }, 'item_not_found', 'index' ],
    [ { id => 'nobody' }, 'item_not_found', 'id' ],
    [ { id => '' }, 'invalid_field', 'id' ],
    [ { url => $url, at => 'soon' }, 'invalid_field', 'at' ],
    [ { url => $url, then => 'stop' }, 'invalid_field', 'then' ],
    [ { url => $url, from => -1 }, 'invalid_field', 'from' ],
    [ { url => $url, from => '1' }, 'invalid_field', 'from' ],
    [ { url => $url, until => 0 }, 'invalid_field', 'until' ],
    [ { url => $url, from => 2, until => 2 }, 'invalid_field', 'until' ],
    [ { url => $url, title => '' }, 'invalid_field', 'title' ],
    [ { url => $url, speed => 2 }, 'unknown_field', 'speed' ],
);

for my $b (@bad) {
    my ($status, $p) = queue('idle', $b->[0]);
    my $what = ref $b->[0] ? $t->{json}->encode($b->[0]) : $b->[0];

    is("$status $p->{code}", "400 $b->[1]", "refused: $what");
    is($p->{field} // '', $b->[2], 'and the field') if defined $b->[2];
}

is((queue('nobody', { url => $url }))[0], 404, 'no such stream');
is((queue('idle', { url => $url },
          headers => { 'Idempotency-Key' => 'x' x 256 }))[1]{field},
   'Idempotency-Key', 'a key that is too long');
is((queue('idle', { url => $url }, headers =>
          { 'Content-Type' => 'text/plain' }))[0], 415, 'not JSON');
is(HTTP::Tiny->new->post($t->base . '/ro/api/1/streams/idle/queue',
   { content => '{}', headers => { 'Content-Type' => 'application/json' } })
   ->{status}, 403, 'a read-only location');

my ($status, $p) = $t->api('POST', 'api/1/streams/idle/play', {});
is("$status $p->{code} $p->{field}", '400 missing_field index', 'play: what');
($status, $p) = $t->api('POST', 'api/1/streams/idle/play',
                        { index => 0, at => 'end' });
is("$status $p->{field}", '400 at', 'play: when');
is(scalar(entries('idle')), 0, 'nothing of it is kept');


# of a stream that does not run it is kept, in order

my %id;

for my $e ([ a => 'end' ], [ b => 'next' ], [ c => 'end' ], [ d => 'next' ]) {
    my ($s, $q) = queue('idle', { url => "$url?secret=1", at => $e->[1],
                                  title => $e->[0] });
    is($s, 202, "$e->[0]: $e->[1]");
    $id{$e->[0]} = $q->{id};
    is($q->{url}, $url, 'without its secret') if $e->[0] eq 'a';
}

is(queued('idle'), 'd b a c', 'in order');
is($t->field('idle', 'queue', 'length'), 4, 'the length');

my @one = queue('idle', { url => $url, title => 'e' },
                headers => { 'Idempotency-Key' => 'k1' });
my @two = queue('idle', { url => $url, title => 'e' },
                headers => { 'Idempotency-Key' => 'k1' });
is("$one[0] $two[0]", '202 202', 'a request that is sent twice');
is($one[1]{id}, $two[1]{id}, 'is done once');
is(queued('idle'), 'd b a c e', 'indeed');
($status, $p) = queue('idle', { url => $url, title => 'f' },
                      headers => { 'Idempotency-Key' => 'k1' });
is("$status $p->{code}", '409 key_reused', 'another one under its key');

my $at = 'api/1/streams/idle/queue';
is(scalar $t->api('PATCH', "$at/$id{c}", { before => $id{d} }), 200, 'moved');
is(queued('idle'), 'c d b a e', 'to the front');
is(scalar $t->api('PATCH', "$at/$id{d}", { before => undef }), 200, 'moved');
is(queued('idle'), 'c b a e d', 'to the end');
($status, $p) = $t->api('PATCH', "$at/$id{d}", { before => 'nobody' });
is("$status $p->{field}", '400 before', 'before nobody');
($status, $p) = $t->api('PATCH', "$at/$id{d}", {});
is("$status $p->{code}", '400 missing_field', 'nowhere');
is(scalar $t->api('DELETE', "$at/$id{b}"), 204, 'removed');
($status, $p) = $t->api('DELETE', "$at/$id{b}");
is("$status $p->{code}", '404 queue_entry_not_found', 'once');
is(queued('idle'), 'c a e d', 'and gone');

# a full one

my $code = '';

for (1 .. 260) {
    ($status, $p) = queue('idle', { url => $url });
    $code = $p->{code} // '';
    last if $status != 202;
}

is("$status $code", '409 queue_full', 'full');
is(scalar(entries('idle')), 256, 'with so many');
is(scalar $t->api('DELETE', 'api/1/streams/idle'), 204, 'all of it goes');


# now, next, end; and what was interrupted is back where it was

my $events = DirectStream::Events->new($t);
my $w = $t->watch('air');
is(($t->create('air', $three, loop => JSON::PP::false))[0], 201, 'a stream');
ok($t->wait_state('air', 'live'), 'live');
$t->wait_packet($w);
past('air', 2);

($status, $p) = queue('air', { url => $t->media_url('two.mp4'), at => 'now',
                               title => 'now' });
is($status, 202, 'now');
my $i = on_air('air', qr/^now$/, 'on air');
is($i->{queue_id}, $p->{id}, 'by its id');
like($i->{queued_by}, qr/^127\.0\.0\.1$/, 'and who wanted it');
is($i->{index}, undef, 'of no list');
ok($t->wait_for(sub { (entries('air'))[0]{state} eq 'on_air' }, 5),
   'the queue says so');
is((entries('air'))[1]{kind}, 'return', 'and what comes back');
($status, $p) = $t->api('DELETE', "api/1/streams/air/queue/$p->{id}");
is("$status $p->{code}", '409 queue_on_air', 'too late to remove it');

queue('air', { url => $t->media_url('a.mp4'), title => 'end' });
queue('air', { url => $t->media_url('404.mp4', 'status=404'), title => 'bad' });
queue('air', { index => 0, at => 'next', from => 2, until => 4 });

ok($t->wait_for(sub { $t->field('air', 'queue', 'failed') }, 30),
   'what is bad fails');
ok($t->wait_state('air', 'finished', 40), 'then the list is played');

my @run = map { ($_->{queue_id} ? '+' : '') . "$_->{title}:$_->{outcome}" }
          grep { $_->{stream} eq 'air' } as_run();
is("@run", 'mid.mp4:skipped +now:played +mid.mp4:played mid.mp4:played '
   . '+bad:failed +end:played a.mp4:played b.mp4:played', 'as it ran')
    or diag("@run");

my ($back) = (grep { $_->{stream} eq 'air' } as_run())[3];
ok($back->{position} > 1.5 && $back->{position} <= 2.6,
   "where it was: $back->{position} s");
my ($part) = (grep { $_->{stream} eq 'air' } as_run())[2];
ok($part->{position} == 2 && $part->{duration} > 1.8
   && $part->{duration} < 2.3, "a part of an item: $part->{duration} s");
is($part->{queued_by}, '127.0.0.1', 'queued by');
is((grep { $_->{title} eq 'now' } as_run())[0]{index}, undef, 'no index');

my $s = $t->status('air')->{status};
is(scalar(grep { $_->{slate} > 0 } grep { $_->{stream} eq 'air' } as_run()),
   0, 'no slate');
is($s->{queue}{started}, 3, 'started');
is($s->{queue}{length}, 0, 'none is left');

my $flow = $t->watched($w);
is(scalar($flow->backward), 0, 'no backward time stamp at the far end');
cmp_ok($flow->largest_step('V'), '<=', 200, 'no gap there');

my $metrics = HTTP::Tiny->new->get($t->base . '/directstream/metrics')
              ->{content};
like($metrics, qr/^directstream_queue_started_total\{stream="air"\} 3$/m,
     'metrics: started');
like($metrics, qr/^directstream_queue_failed_total\{stream="air"\} 1$/m,
     'metrics: failed');
like($metrics, qr/^directstream_queue_length\{stream="air"\} 0$/m,
     'metrics: length');

# what is queued for one that is finished is played when it is started

is((queue('air', { url => $t->media_url('a.mp4'), title => 'later' }))[0],
   202, 'finished: kept');
is($t->state('air'), 'finished', 'it stays so');
is(scalar $t->api('POST', 'api/1/streams/air/start'), 202, 'start');
on_air('air', qr/^later$/, 'it comes first');
on_air('air', qr/^mid/, 'then the list');
$t->api('DELETE', 'api/1/streams/air');

ok($events->wait_event('log', sub {
    $_->{type} eq 'queue' && $_->{message} =~ /^queued, now, by 127\S+: now$/
}), 'the events tell of it');
$events->close;


# go to, in a list of the resolver, shuffled; skip and previous

is(($t->create('list', $five, shuffle => JSON::PP::true))[0], 201, 'a stream');
ok($t->wait_state('list', 'live'), 'live');
ok($t->wait_for(sub { ($t->field('list', 'playlist', 'count') || 0) == 5 }),
   'the list');

my $was = item('list')->{id};
my ($to) = grep { $_ ne $was } map { "queueitem00$_" } 0 .. 4;
is(scalar $t->api('POST', 'api/1/streams/list/play', { id => $to }), 202,
   'go to');
on_air('list', qr/^Title of $to$/, 'there');
is($t->field('list', 'queue', 'length'), 0, 'and nothing is left of it');

is((queue('list', { id => $was, at => 'now', then => 'continue' }))[0], 202,
   'an item of it, now');
on_air('list', qr/^Title of $was$/, 'on air');
ok(item('list')->{queue_id}, 'as a queued one');
$t->api('POST', 'api/1/streams/list/previous');
on_air('list', qr/^Title of $to$/, 'previous: of the list');
queue('list', { url => $t->media_url('long.mp4'), title => 'x',
                at => 'next' });
$t->api('POST', 'api/1/streams/list/skip');
on_air('list', qr/^x$/, 'skip: to the queue');
$t->api('POST', 'api/1/streams/list/skip');
on_air('list', qr/^Title of/, 'skip: to the list');
$t->api('DELETE', 'api/1/streams/list');


# a reload, a kill, another playlist: of one that the file defines, too

for my $name ('fixed', 'made') {
    $t->create($name, $long) if $name eq 'made';
    ok($t->wait_state($name, 'live'), "$name: live");
    past($name, 2);

    queue($name, { url => $t->media_url('mid.mp4'), title => 'one',
                   at => 'now' });
    on_air($name, qr/^one$/, "$name: on air");
    queue($name, { url => $t->media_url('a.mp4'), title => 'three',
                   at => 'next' });
    queue($name, { url => $t->media_url('a.mp4'), title => 'two',
                   at => 'next' });
    past($name, 3.2);

    if ($name eq 'fixed') {
        my $pid = $t->field($name, 'owner_pid');
        $t->signal('HUP');
        ok($t->wait_for(sub { (my @p = $t->relay_pids) > 1 }, 10), 'reload');
        is((queue($name, { url => $t->media_url('a.mp4'), title => 'four',
                           at => 'next' }))[0], 202, "$name: after it");
        is($t->field($name, 'owner_pid'), $pid, "$name: it goes on");

        my $seen = $t->field($name, 'item', 'position');
        $t->allow(qr/exited on signal 9/);
        kill 'KILL', $pid;
        ok($t->wait_for(sub {
            ($t->field($name, 'owner_pid') || $pid) != $pid
                && $t->state($name) eq 'live';
        }, 20), "$name: killed");

    } else {
        # the list is another one; what was of the old one is told
        is(scalar $t->api('PATCH', "api/1/streams/$name",
                          { playlist => $three }), 200, "$name: changed");
        ok($t->wait_state($name, 'live'), "$name: live");
    }

    $i = on_air($name, qr/^one$/, "$name: goes on with it");
    cmp_ok($i->{position}, '>', 1.5, "$name: where it was");
    on_air($name, qr/^two$/, "$name: then the rest") if $name eq 'made';
    on_air($name, qr/^three$/, "$name: in order");
    on_air($name, qr/^(?:long|mid)/, "$name: then the list");
    ok($t->wait_for(sub { !entries($name) }, 5), "$name: nothing is left");
}

my %times;
my $each = 'fixed four: 1, fixed one: 1, fixed three: 1, fixed two: 1, '
           . 'made one: 1, made three: 1, made two: 1';
my $got = '';

ok($t->wait_for(sub {
    %times = ();
    $times{"$_->{stream} $_->{title}"}++
        for grep { $_->{outcome} eq 'played' && $_->{queue_id}
                   && $_->{stream} =~ /fixed|made/ } as_run();
    $got = join(', ', map { "$_: $times{$_}" } sort keys %times);
    return $got eq $each;
}, 5), 'each once') or diag($got);

my ($rest) = grep { $_->{stream} eq 'made' && $_->{title} eq 'one'
                    && $_->{outcome} eq 'played' } as_run();
cmp_ok($rest->{position}, '>=', 2, 'made: from where it was stopped');

$t->finish;
