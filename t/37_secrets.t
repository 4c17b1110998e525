#!/usr/bin/perl

# Stream keys, tokens in a list's URL, signatures of media URLs, the token that
# the relay publishes with, and a YouTube account's: none is in an answer, a
# page, a metric, an event, a log of ours, a process's arguments or environment,
# or a file that others may read.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Events;
use DirectStream::YouTube;

use File::Find;


my $t = DirectStream::Test->new;
$t->far;

my $dir = $t->dir;
my $closed = $t->port;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

my %secret = (
    key => 'sEcReTkEy-abcd-1234', file_key => 'sEcReTfIlEkEy-99',
    new_key => 'sEcReTnEwKeY-77', engine_key => 'sEcReTeNgInE-55',
    list => 'sEcReTlIsT', media =>
    'sEcReTmEdIa', header => 'sEcReThEaDeR', bad => 'sEcReTbAd',
    youtube_key => 'sEcReTyOuTuBe-33', youtube_client => 'client-SECRET',
    youtube_refresh => 'refresh-SECRET', youtube_access => 'access-SECRET',
);

my $yt = DirectStream::YouTube->new($t);
my $credentials = $yt->credentials;

$yt->set(starting => 0.2,
         streams => [ { id => 'in1', key => $secret{youtube_key} } ],
         broadcasts => [ { id => 'first', stream => 'in1', life => 'live',
                           title => 'All day', started => time() - 60 } ]);

my $clip = $t->media_url('a.mp4', "sig=$secret{media}");
my @faults = map { $t->media_url('b.mp4', "sig=$secret{media}&$_") }
             qw(status=403 status=404 status=500 cut=40000 html=1
                redirect=/none.mp4);

push @faults, "http://127.0.0.1:$closed/c.mp4?sig=$secret{media}",
              "http://no-such-host.invalid/d.mp4?sig=$secret{media}";

# a list behind a token, of signed URLs
my $plain = $t->plain_list('signed', $clip, @faults, $clip)
            . "?token=$secret{list}";

my $good = $t->plain_list('good', $clip);

# what a resolver gives is signed, too
my $n = 0;
my $resolved = $t->stub_list('PLsecret', entries => [
    map { $t->stub_entry(sprintf('secretitem%02d', $n++), $_,
                         headers => { 'X-Secret' => $secret{header} }) }
        $clip, @faults
]);

$t->near(http => 'location = /metrics { directstream_metrics; }',
         directstream => <<"END");
    directstream_log $dir/logs/json.log json;
    directstream_log $dir/logs/combined.log;

    stream fixed {
        playlist $plain;
        push     rtmp://127.0.0.1:$closed/live2/$secret{file_key};
    }

    stream engine {
        playlist $plain;
        push     rtmps://127.0.0.1:$closed/live2/$secret{engine_key};
    }

    youtube_credentials $credentials interval=1s;
    youtube_api $yt->{url};
END

my @shown;          # [what, text]


sub keep {
    my ($what, $text) = @_;

    push @shown, [ $what, defined $text ? $text : '' ];
    return;
}


sub call {
    my ($method, $path, $body) = @_;

    my ($status, $data, $r) = $t->api($method, $path, $body);

    keep("$method $path: $status", join "\n", $r->{content} || '',
         map { "$_: $r->{headers}{$_}" } sort keys %{ $r->{headers} });
    return $data;
}


sub look {
    call('GET', 'api/1/streams');

    for my $name (qw(fixed plain resolved engine tube)) {
        call('GET', "api/1/streams/$name");
        call('GET', "api/1/streams/$name/items");
    }

    keep('metrics', $t->{http}->get($t->base . '/metrics')->{content});
    return;
}


# kept while the test runs: children are short-lived
sub arguments {
    for ($t->{nginx}{near}{pid}, $t->descendants($t->{nginx}{near}{pid})) {
        keep("arguments of $_", $t->cmdline($_));
        keep("environment of $_", $t->read_file("/proc/$_/environ"));
    }

    return;
}

my $S = 'api/1/streams';

call('POST', $S, { name => 'plain', playlist => $plain,
                   push => $t->push_url($secret{key}) });
call('POST', $S, { name => 'resolved', playlist => $resolved,
                   push => $t->push_url($secret{key} . '2') });

my ($server) = $t->push_url('') =~ m{//([^/]+)};
call('PATCH', "$S/plain", { outputs => [
    { name => 'one', url => $t->push_url($secret{key}), via => 'engine' },
    { name => 'args', url => "rtmp://$server/live2?backup=1/$secret{key}3" },
    { name => 'user',
      url => "rtmp://user:$secret{key}\@$server/live2/$secret{key}4" },
    { name => 'away', url => "rtmps://127.0.0.1:$closed/a/$secret{key}5" },
    { name => 'lost', url => "rtmp://u:$secret{key}\@no.such.host.invalid/"
                             . "a?b/$secret{key}6" } ] });
call('POST', "$S/plain/outputs/$_/restart") for qw(one args user away lost no);
call('POST', "$S/plain/outputs/args/$_") for qw(stop start);
call('POST', $S, { name => 'x', playlist => $plain, outputs => [ $_ ] })
    for { url => "http://h/app/$secret{bad}" },
        { url => "rtmp://h/app?$secret{bad}" },
        { url => "rtmp://$secret{bad}\@h/app/$secret{bad}" },
        { url => "rtmp://h/app/$secret{bad}", name => 'a b' },
        { url => "rtmp://h/a?b/$secret{bad}", via => 'rtmp' },
        { url => "rtmp://h/$secret{bad}/***" };

# what is refused is not repeated

call('POST', $S, { name => 'x', playlist => $plain, push => $_ })
    for "http://h/app/$secret{bad}", "rtmp://h/$secret{bad}",
        "rtmp://u:$secret{bad}\@h/app/$secret{bad}",
        "rtmp://h:99999/app/$secret{bad}", "rtmp://h/app/$secret{bad} x";
call('POST', $S, { name => 'x', playlist => $_ })
    for "ftp://h/a.mp4?$secret{bad}", "http://u:$secret{bad}\@h/a.mp4",
        "http://h/a.mp4?$secret{bad}#x", "http:///a.mp4?$secret{bad}";
call('PATCH', "$S/plain", { push => "rtmps://$secret{bad}" });
call('POST', $S, { name => 'plain', playlist => $plain,
                   push => $t->push_url($secret{bad}) });
call('PATCH', "$S/fixed", { push => $t->push_url($secret{bad}) });
call('GET', "$S/none");

for my $bad ("push rtmp://h/$secret{bad};",
             "push rtmp://h/a?b/$secret{bad} via=rtmp;",
             "push rtmp://u:$secret{bad}\@h/app/k name=a/b;",
             "push http://h/app/$secret{bad};",
             "playlist http://u:$secret{bad}\@h/a.mp4;")
{
    my $more = $bad =~ /^push/ ? 'playlist PLxxxxxxxxxxxxxxxx;' : '';
    my $conf = $t->near_conf(directstream => "stream x { $more $bad }");
    my ($rc, $said) = $t->nginx_t($t->write_file('near/bad.conf', $conf));

    isnt($rc, 0, 'nginx -t refuses it');
    keep('nginx -t', $said);
}

call('POST', 'api/1/resolve', { playlist => $plain });
call('POST', 'api/1/resolve', { playlist => $resolved });
call('POST', 'api/1/resolve', {
    playlist => $t->media_url('none.json', "token=$secret{list}") });
call('POST', 'api/1/resolve', {
    playlist => "http://127.0.0.1:$closed/none.json?token=$secret{list}" });

# on air, through all the failures

ok($t->wait_state('plain', 'live', 20), 'one is live');
ok($t->wait_state('resolved', 'live', 20), 'and the other');

# a site's fault is one that is waited for
for my $name (qw(plain resolved)) {
    my %seen;

    ok($t->wait_for(sub {
        look();
        arguments();
        $seen{ $_->{index} } = 1 for grep { defined $_->{code} }
                                     $t->items($name);
        return keys %seen >= @faults;
    }, 150), "\"$name\": every failure was seen")
        or diag(join ' ', sort keys %seen);
}

ok($t->wait_for(sub { $t->log_of =~ /ds_token=\w/ }, 10),
   'nginx-rtmp shows the token it was sent, as docs/operation.md says');
($secret{token}) = $t->log_of =~ /ds_token=(\w+)/;

# YouTube: what is dark is revived; what fails, and says what it was sent

sub tube {
    my ($re, $what) = @_;

    ok($t->wait_for(sub {
        my $y = $t->field('tube', 'youtube') || {};
        return (($y->{error} || {})->{message} // $y->{state} // '') =~ $re;
    }, 30), "YouTube: $what") or diag(explain($t->field('tube', 'youtube')));
    look();
    arguments();
    return;
}

call('POST', $S, { name => 'tube', playlist => $good, publish => 'none',
                   push => "$t->{far}/$secret{youtube_key}",
                   push_via => 'engine', youtube => 'revive' });
tube(qr/^healthy$/, 'healthy');
$yt->set(broadcasts => [ { id => 'first', life => 'complete' } ]);
tube(qr/no broadcast is live/, 'dark');
tube(qr/^healthy$/, 'live again');
call('POST', "$S/tube/youtube/$_", { dry_run => \1 })
    for qw(revive rollover);
call('PATCH', "$S/tube", { youtube_title => '$title, $date' });

for ([ 'liveBroadcasts.list', 500, 'backendError' ],
     [ 'liveBroadcasts.list', 401, 'authError' ],
     [ 'token', 400, 'invalid_grant' ],
     [ 'token', 503, 'backendError' ])
{
    my ($fault, $status, $reason) = @$_;

    $yt->set(revoke => 1, faults => [ { call => $fault, status => $status,
                                        reason => $reason, echo => 1 } ]);
    tube(qr/status $status/, "$status of $fault");
    $yt->set(faults => []);
    tube(qr/^healthy$/, 'healthy');
}

for my $junk ("{\"access_token\": \"$secret{youtube_access}", '[]',
              "{\"error\": {\"message\": \"$secret{youtube_refresh}\"}}")
{
    $yt->set(faults => [ { call => '*', junk => $junk } ]);
    tube(qr/not understood/, 'an answer that is none') if $junk eq '[]';
    look();
}

$yt->set(faults => []);
tube(qr/^healthy$/, 'healthy');

is($yt->state->{streams}[0]{id}, 'in1', 'all the time it was asked');
cmp_ok($yt->state->{tokens}, '>', 2, 'with several tokens');


# another key, a restart, a death, a stop

call('PATCH', "$S/plain", { push => $t->push_url($secret{new_key}) });
ok($t->wait_state('plain', 'live', 20), 'live with another key');
look();
arguments();

my $relay = $t->relay_pid;
$t->allow(qr/worker process $relay exited on signal 9/);
kill 'KILL', $relay;
ok($t->wait_for(sub { ($t->relay_pid || $relay) != $relay }, 10),
   'another relay worker');
ok($t->wait_state('plain', 'live', 20), 'live again');
look();
arguments();

ok($t->wait_for(sub { $t->field('engine', 'push', 'error') }, 10),
   'a push by the engine that fails');
look();

my $events = DirectStream::Events->new($t,
    path => '/directstream/api/1/events?since=0');
ok($events->wait_event('log', sub { $_->{type} eq 'error' }),
   'events of errors');

call('POST', "$S/$_/stop") for qw(plain resolved fixed engine tube);
ok($t->wait_state('plain', 'stopped'), 'stopped');
look();

# the page, the description, events, logs

keep('events', $events->take->{raw});
keep('the page', $t->{http}->get($t->base . '/directstream/')->{content});
call('GET', 'api/1/openapi.json');
call('DELETE', "$S/plain");

$t->stop_nginx('near', 'QUIT');

keep($_, $t->read_file("logs/$_.log")) for qw(json combined);
keep('access log', $t->read_file('near/access.log'));
keep('stdout and stderr', $t->read_file('nginx-near.log')
                          . $t->read_file('nginx-near.out'));

# nginx-rtmp's own lines are those of its sessions and pushes
my $port = $t->{nginx}{near}{rtmp};
my @log = grep { !/, server: (?:\S+:$port|ngx-relay)/ }
          split /\n/, $t->log_of;
keep('error log', join "\n", @log);

cmp_ok(scalar(grep { / directstream "plain": / } @log), '>', 5,
       'the log has lines of the stream');
like($t->read_file('logs/json.log'), qr/"stream":"plain"/,
     'the as-run log, too');
cmp_ok(scalar(grep { $_->[0] =~ /^arguments/ } @shown), '>', 3,
       'arguments were seen');

# files that others may read: none but what is made here for nginx to read, and
# nginx-rtmp's own logs

my %ours = map { ("$dir/$_" => 1) }
           qw(near/nginx.conf near/bad.conf near/error.log far/error.log
              media.log youtube-api.log youtube-api.out);

find({ no_chdir => 1, wanted => sub {
    my @s = lstat;

    return if !@s || !-f _ || !($s[2] & 0077) || $ours{$_};
    return if m{^\Q$dir\E/(?:www|stub)/} || m{/(?:nginx-|media|stub)[^/]*$};
    keep("file $_", $t->read_file($_));
} }, $dir);

ok(-s $t->state_path . '/state.db', 'there is a state.db');
is((stat $t->state_path)[2] & 0077, 0, 'its directory is the workers\' own');

# and now: is any of them anywhere?

for my $name (sort keys %secret) {
    my @found = grep { index(lc $_->[1], lc $secret{$name}) >= 0 } @shown;
    my %where = map { $_->[0] => $_->[1] } @found;

    is(join(', ', sort keys %where), '', "no secret: $name");

    for my $where (sort keys %where) {
        my ($near) = $where{$where} =~ /(.{0,120}\Q$secret{$name}\E.{0,40})/i;
        diag("$where: $near");
    }
}

# they are where they belong

my $media = $t->read_file('media.log');
like($media, qr/\Q$secret{$_}\E/, "the server was sent: $_")
    for qw(list media);
like($t->read_file('far/error.log'), qr/\Q$secret{$_}\E/,
     "the far end was sent: $_") for qw(key new_key);

$t->finish;
