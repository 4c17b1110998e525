#!/usr/bin/perl

# A push that is shown on YouTube: its broadcast ends while the push is up,
# that is seen, and another one is live; one is replaced, and the far end misses
# not a packet; settings, answers, metrics and events; no secret is shown.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Browser;
use DirectStream::Events;
use DirectStream::YouTube;


my $t = DirectStream::Test->new;
my $yt = DirectStream::YouTube->new($t);
my $key = 'sEcReT-key-1';
my $far = $t->far;

my $list = $t->plain_list('youtube', 'long.mp4', 'mid.mp4');
my $file = $yt->credentials;


# what nginx -t says

my $open = $t->write_file('open.json', $t->read_file('youtube.json'));
my $junk = $t->write_file('junk.json', '{ "client_secret": "sEcReT-junk" }');
chmod 0644, $open;
chmod 0600, $junk;

my $account = "youtube_credentials $file interval=1s;";
my $push = "push $far/$key via=engine;";

for ([ "youtube_credentials $open;", '', qr/mode 0600/ ],
     [ "youtube_credentials $junk;", '', qr/is to be a JSON object/ ],
     [ "youtube_credentials $t->{dir}/none;", '', qr/cannot be read/ ],
     [ "youtube_credentials $file interval=1ms;", '', qr/from 1s to 10m/ ],
     [ "youtube_credentials $file every=1s;", '', qr/interval=time/ ],
     [ "$account youtube_api ftp://x;", '', qr/invalid URL/ ],
     [ $account, "$push youtube on;", qr/"off", "watch" or "revive"/ ],
     [ $account, "$push youtube_rollover 12h;", qr/from 5 hours to 11/ ],
     [ $account, "$push youtube_title '\$item';", qr/\$title, \$stream/ ],
     [ $account, "youtube watch;", qr/needs a "push"/ ],
     [ $account, "push $far/k via=rtmp; youtube watch;", qr/needs a "push"/ ],
     [ '', "$push youtube watch;", qr/needs "youtube_credentials"/ ])
{
    my ($main, $stream, $like) = @$_;
    my $conf = $t->near_write(directstream =>
        "$main stream s { playlist $list; $stream }")->{conf};
    my ($status, $out) = $t->nginx_t($conf);

    isnt($status, 0, "refused: $main $stream");
    like($out, $like, 'and why');
    unlike($out, qr/sEcReT-junk|SECRET/, 'no secret is shown');
}


# one that is live, and ends

$yt->set(starting => 0.3,
         streams => [ { id => 'in1', key => $key } ],
         broadcasts => [ { id => 'first', stream => 'in1', life => 'live',
                           title => 'All day', privacy => 'unlisted',
                           started => time() - 3600 } ]);

my $w = $t->watch($key);

$t->near(directstream => <<"END", http => <<'HTTP');
$account
youtube_api $yt->{url};
stream tv {
    playlist         $list;
    publish          none;
    $push
    youtube          revive;
    youtube_rollover 11h50m;
    youtube_title    '\$stream now: \$title';
}
END
location = /directstream/metrics { directstream_metrics; }
HTTP

my $events = DirectStream::Events->new($t);

sub youtube {
    my ($field) = @_;
    my $y = $t->field('tv', 'youtube') || {};
    return defined $field ? $y->{$field} // '' : $y;
}

sub metric {
    my ($name) = @_;
    my $text = $t->{http}->get($t->base . '/directstream/metrics')->{content};
    my ($n) = $text =~ /^directstream_\Q$name\E(?:\{[^}]*\})? (\S+)$/m;
    return $n;
}

ok($t->wait_packet($w), 'pushed');
ok($t->wait_for(sub { youtube('state') eq 'healthy' }, 10), 'healthy')
    or diag(explain(youtube()));

my $y = youtube();
is($y->{broadcast}, 'first', 'which broadcast');
is($y->{url}, 'https://www.youtube.com/watch?v=first', 'a link to it');
is($y->{health}, 'good', 'its health');
ok($y->{rollover_at}, 'when it rolls over');
ok($t->wait_for(sub { metric('youtube_live') == 1 }, 5), 'metric: live');
ok(metric('youtube_quota_used') > 0, 'metric: quota');

# for two rounds at least
ok($t->wait_for(sub { youtube('would_rollover') =~ /^(?:a new|an up)/ }, 10),
   'what a roll-over would do') or diag(youtube('would_rollover'));

my ($status, $data) = $t->api('POST', 'api/1/streams/tv/youtube/revive',
                              { dry_run => \1 });
is($status, 200, 'a dry run');
is($data->{would}, 'nothing: one is live', 'does nothing');
is(scalar $t->api('POST', 'api/1/streams/tv/youtube/revive', { dry => 1 }),
   400, 'a field that is not known');
is(scalar $t->api('POST', 'api/1/streams/no/youtube/check'), 404,
   'no such stream');

$yt->set(broadcasts => [ { id => 'first', life => 'complete' } ]);

my $ended = $t->now;
ok($t->wait_for(sub { youtube('state') =~ /^(?:dark|reviving)$/ }, 10),
   'the end is seen');
ok($t->wait_for(sub { youtube('state') eq 'healthy' }, 20), 'live again')
    or diag(explain(youtube()));
diag(sprintf 'after %d ms', $t->now - $ended);

my ($made) = $yt->broadcasts('live');
is($made->{stream}, 'in1', 'a new one, bound');
like($made->{title}, qr/^tv now: \S/, 'its title');
is($made->{privacy}, 'unlisted', 'for whom it was before');
is($yt->calls('liveBroadcasts.insert'), 1, 'one was made');
is(youtube('made'), 1, 'the status counts it');
ok(metric('youtube_dark_seconds_total') > 0, 'metric: dark');
$t->like_log(qr/"tv": YouTube: youtube_dark: /, 'in the log');

ok($events->wait_event('log', sub {
    $_->{type} eq 'youtube' && ($_->{code} // '') eq 'youtube_dark';
}, 5), 'an event');


# another one in its place: within 10 minutes none is made, one is taken

($status, $data) = $t->api('POST', 'api/1/streams/tv/youtube/rollover',
                           { dry_run => \1 });
like($data->{would}, qr/^(?:an upcoming|nothing: a broadcast was made)/,
     'what it would do');

$yt->set(broadcasts => [ { id => 'second', stream => 'in1',
                           life => 'ready' } ]);

is(scalar $t->api('POST', 'api/1/streams/tv/youtube/rollover'), 202,
   'roll over');
ok($t->wait_for(sub { youtube('broadcast') eq 'second'
                      && youtube('state') eq 'healthy' }, 15), 'rolled over')
    or diag(explain(youtube()));
is(youtube('replaced'), 1, 'counted');
is(scalar(() = $yt->broadcasts('live')), 1, 'one is live');
is($yt->state->{most_live}{in1}, 2, 'the next one was before');

my $flow = $t->flow($w);
my $until = $flow->last('V')->{dts};
ok($t->wait_flow($w, sub { $_->last('V')->{dts} > $until + 1000 }, 10),
   'the push goes on');

$flow = $t->flow($w);
is(join("\n", $flow->backward), '', 'far end: no backward time stamp');
is(join("\n", $flow->steps_over('V', 42)), '', 'and not one packet missing');
is($t->field('tv', 'push', 'reconnects'), 0, 'in one session');


# what YouTube has against it; and what the API may change

$yt->set(streams => [ { id => 'in1', health => 'bad', issues => [
    { type => 'bitrateLow', severity => 'error', description => 'low' } ] } ]);
ok($t->wait_for(sub { ((youtube('error') || {})->{code} // '')
                      eq 'youtube_issue' }, 15), 'an issue');
is(youtube('issue'), 'bitrateLow: low', 'which one');

sub made {
    my (%def) = @_;
    return scalar $t->api('POST', 'api/1/streams',
        { name => 'api', playlist => $list, push => "$far/other", %def });
}

is(made(youtube => 'watch', push_via => 'rtmp'), 400,
   'API: no push to look after');
is(made(push_via => 'engine', youtube_title => '$nothing'), 400,
   'API: a bad title');
is(made(push_via => 'engine', publish => 'none'), 201,
   'API: one with it off');
is($t->field('api', 'youtube'), undef, 'has nothing of it');
is(scalar $t->api('POST', 'api/1/streams/api/youtube/check'), 409,
   'nor may it be asked for');
ok($t->wait_state('api', 'live'), 'API: live');

my $session = $t->watch('other');
ok($t->wait_packet($session), 'API: pushed');
($status, $data) = $t->api('PATCH', 'api/1/streams/api',
    { youtube => 'watch', youtube_rollover => 36000,
      youtube_title => 'a title' });
is($status, 200, 'API: on, while it runs');
is("@$data{qw(youtube youtube_rollover youtube_title)}",
   'watch 36000 a title', 'API: as it is now');
ok($t->wait_for(sub {
       my $e = $t->field('api', 'youtube', 'error');
       $e && $e->{message} =~ /no stream of the account/;
   }, 10), 'a key that the account has not');
is($t->field('api', 'push', 'reconnects'), 0, 'the push was left alone');


# the page

SKIP: {
    my $missing = DirectStream::Browser->missing;
    skip "there is no $missing", 5 if $missing;

    my $b = DirectStream::Browser->new($t);

    $b->open($t->base . '/directstream/#/tv');
    ok($b->wait_text('.youtube', qr/Roll over/), 'the page has a part for it');
    ok($b->wait_text('.youtube', qr/bitrateLow: low/), 'with the issue');

    $b->click('.youtube button', 'Revive');
    ok($b->wait_text('dialog', qr/What would be done: nothing: one is live/),
       'what is asked for is told before it is done');
    $b->click('dialog button', 'Cancel');
    ok($b->wait_script('return !document.querySelector("dialog")'),
       'and need not be done');
    is(join("\n", $b->console), '', 'nothing is wrong with the page');
    $b->quit;
}


# its totals outlast what it is shown by

is(scalar $t->api('POST', 'api/1/streams/tv/outputs/push/stop'), 202,
   'the output is stopped');
ok($t->wait_for(sub { !defined $t->field('tv', 'youtube') }, 10),
   'nothing to look after');
is(scalar $t->api('POST', 'api/1/streams/tv/outputs/push/start'), 202,
   'started');
ok($t->wait_for(sub { youtube('checked_at') }, 10), 'looked after again');
is(join(' ', map { youtube($_) } qw(made replaced)), '1 1',
   'what was done is counted still');
ok(youtube('dark_ms') > 0, 'and how long it was dark');


# no secret, anywhere

my $shown = $t->log_of('near')
    . join('', map { $t->{http}->get($t->base . "/$_")->{content} }
           'directstream/metrics', 'directstream/api/1/streams',
           'directstream/api/1/streams/tv');

unlike($shown, qr/SECRET|\Q$key\E/, 'no token and no key is shown');

for my $pid ($t->descendants($t->{nginx}{near}{pid})) {
    my $args = $t->cmdline($pid);
    unlike($args, qr/SECRET|\Q$key\E/, 'nor in arguments') or diag($args);
}

$events->close;
$t->finish;
