#!/usr/bin/perl

# Stream keys, tokens in a list's URL, signatures of media URLs, and the token
# that the relay publishes with: none is in an answer, a page, a metric, a log
# of ours, or a process's arguments.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;
use DirectStream::Events;


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
);

my $clip = $t->media_url('a.mp4', "sig=$secret{media}");
my @faults = map { $t->media_url('b.mp4', "sig=$secret{media}&$_") }
             qw(status=403 status=404 status=500 cut=40000 html=1
                redirect=/none.mp4);

push @faults, "http://127.0.0.1:$closed/c.mp4?sig=$secret{media}",
              "http://no-such-host.invalid/d.mp4?sig=$secret{media}";

# a list behind a token, of signed URLs
my $plain = $t->plain_list('signed', $clip, @faults, $clip)
            . "?token=$secret{list}";

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

    for my $name (qw(fixed plain resolved engine)) {
        call('GET', "api/1/streams/$name");
        call('GET', "api/1/streams/$name/items");
    }

    keep('metrics', $t->{http}->get($t->base . '/metrics')->{content});
    return;
}


# kept while the test runs: children are short-lived
sub arguments {
    keep("arguments of $_", $t->cmdline($_))
        for $t->descendants($t->{nginx}{near}{pid});
    return;
}

my $S = 'api/1/streams';

call('POST', $S, { name => 'plain', playlist => $plain,
                   push => $t->push_url($secret{key}) });
call('POST', $S, { name => 'resolved', playlist => $resolved,
                   push => $t->push_url($secret{key} . '2') });

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

call('POST', "$S/$_/stop") for qw(plain resolved fixed engine);
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
