#!/usr/bin/perl

# YouTube's broadcasts under faults and kills: a relay worker is killed while it
# makes one, or at any other time, calls fail, hang and answer nonsense: never
# two are live but while one replaces the other, nothing is made twice, and one
# is live in the end.  And the tool that asks for the consent.
#
# SOAK_YOUTUBE: rounds, 2 by default.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::YouTube;


my $t = DirectStream::Test->new;
my $yt = DirectStream::YouTube->new($t);
my $far = $t->far;
my $list = $t->plain_list('youtube', 'long.mp4');
my $tool = "$DirectStream::Test::ROOT/tools/directstream-youtube-auth";
my $file = "$t->{dir}/consent.json";


# the consent

sub consent {
    my ($with, @args) = @_;

    my $in = $t->write_file('client', "client\n$with\n");
    my ($status, $out) = $t->command('/bin/sh', '-c',
        'exec "$0" --api "$1" "$2" < "$3"', $tool, $yt->url, $file, $in);

    unlike($out, qr/SECRET/, 'no secret is shown');

    return ($status >> 8, $out);
}

my ($status, $out) = consent('wrong');
is($status, 1, 'another secret: no consent');
like($out, qr/no consent: invalid_client/, 'and why');
ok(!-e $file, 'nothing is written');

$yt->set(approve => 'denied');
($status, $out) = consent('client-SECRET');
is($status, 1, 'one that is refused');
like($out, qr/no consent: access_denied/, 'and why');

$yt->set(approve => 1, faults => [ { call => 'token', status => 428,
                                     junk => '', times => 0 } ]);
($status, $out) = consent('client-SECRET');
is($status, 0, 'one that is given') or diag($out);
like($out, qr{enter  ABCD-EFGH}, 'the code is shown');
is((stat $file)[2] & 0777, 0600, 'the file is its owner\'s');
is($t->{json}->decode($t->read_file($file))->{refresh_token},
   'refresh-SECRET', 'what it is for is in it');
is(join(' ', glob "$file.*"), '', 'nothing else is left');


# a broadcast that is being made while the relay worker is killed

my $conf = <<"END";
youtube_credentials $file interval=1s;
youtube_api $yt->{url};
stream tv {
    playlist  $list;
    publish   none;
    push      $far/key via=engine;
    youtube   revive;
}
END

$yt->set(starting => 0.3, lag => 1,
         streams => [ { id => 'in', key => 'key' } ],
         faults => [ { call => 'liveBroadcasts.insert', latency => 700 } ]);

$t->allow(qr/exited on signal 9/);
$t->near(directstream => $conf);

sub youtube {
    my ($field) = @_;
    return ($t->field('tv', 'youtube') || {})->{$field} // '';
}

sub killed {
    my $pid = $t->relay_pid or return;
    kill 'KILL', $pid;
    $t->wait_for(sub { ($t->relay_pid // $pid) != $pid }, 10,
                 'another relay worker');
}

# what shows is as old as the last look
sub live {
    my ($seconds) = @_;

    return $t->wait_for(sub {
        my @live = $yt->broadcasts('live');
        @live == 1 && youtube('state') eq 'healthy'
            && youtube('broadcast') eq $live[0]{id};
    }, $seconds);
}

ok($t->wait_for(sub { $yt->calls('liveBroadcasts.insert') }, 20),
   'one is being made');
killed();
ok(live(30), 'one is live, although the answer was lost')
    or diag(explain($t->field('tv', 'youtube'), $yt->state->{log}));
is($yt->calls('liveBroadcasts.insert'), 1, 'it was made once');
is($yt->state->{most_live}{in}, 1, 'never two');


# at any time, with any fault

my @faults = (
    { status => 503 }, { status => 500, after => 1 }, { hang => 0.5 },
    { hang => 0.5, after => 1 }, { junk => '<html>' },
    { status => 403, reason => 'rateLimitExceeded' },
    { status => 401, reason => 'authError' }, { latency => 900 },
);

my @calls = qw(liveBroadcasts.list liveStreams.list liveBroadcasts.bind
               liveBroadcasts.transition token);

for my $round (1 .. $ENV{SOAK_YOUTUBE} || 2) {
    my ($now) = map { $_->{id} } $yt->broadcasts('live');
    my $next = "next-$round";
    my $roll = $round % 2 == 0;
    my $bound = $round % 4 < 2;
    my %fault = (%{ $faults[rand @faults] }, call => $calls[rand @calls],
                 times => 1);

    # two times of four it is bound to none, and known by its title
    $yt->set(most_live => {}, faults => [ \%fault ], broadcasts => [
        { id => $next, life => $bound ? 'ready' : 'created',
          stream => $bound ? 'in' : '',
          title => youtube('title') },
        $roll ? () : { id => $now, life => 'complete' },
    ]);

    $t->api('POST', 'api/1/streams/tv/youtube/rollover') if $roll;

    my $after = rand 5;
    my $what = "round $round: $fault{call} " . join(' ', map {
        "$_=$fault{$_}" } grep { !/call|times/ } sort keys %fault)
        . sprintf(', killed after %.1f s%s', $after, $roll ? ', rolled' : '');

    $t->wait_for(sub { 0 }, $after);
    killed();
    $t->api('POST', 'api/1/streams/tv/youtube/rollover')
        if $roll && !$yt->state->{most_live}{in};

    ok(live(60), $what)
        or diag(explain($t->field('tv', 'youtube'), $yt->state->{log}));

    cmp_ok($yt->state->{most_live}{in}, '<=', $roll ? 2 : 1,
           'and no more than may be');
}

is($yt->calls('liveBroadcasts.insert'), 1, 'none was made meanwhile');
unlike($t->log_of('near'), qr/SECRET/, 'no secret in the log');

$t->finish;
