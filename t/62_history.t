#!/usr/bin/perl

# Who has changed what, and what ran: every change of a random session is
# there once, with its author; old ones are forgotten.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use MIME::Base64;

use DirectStream::Events;


my $t = DirectStream::Test->new;

$t->write_file('users', join '', map { "$_:{PLAIN}$_\n" } qw(ann bob));

my $url = $t->stub_list('PLpast', entries => [
    $t->stub_entry('pastitem0001', 'a.mp4') ]);

$t->near(directstream => 'history 7d; '
             . 'stream fixed { playlist http://127.0.0.1:9/none.m3u; }',
         http => <<"END");
location /by/ {
    directstream_admin write=on;
    auth_basic past;
    auth_basic_user_file @{[ $t->dir ]}/users;
}
END

my $S = 'api/1/streams';

sub by {
    my ($who, $method, $path, $body) = @_;

    return $t->api($method, $path, $body) unless $who;

    my $r = $t->{http}->request($method,
        $t->base . "/by/$path", {
            headers => { 'Content-Type' => 'application/json',
                Authorization => 'Basic ' . encode_base64("$who:$who", '') },
            content => $body ? $t->{json}->encode($body) : '' });

    return ($r->{status}, eval { $t->{json}->decode($r->{content}) });
}

# newest first, all pages
sub all {
    my ($what, $stream) = @_;

    my @rows;

    while (1) {
        my ($status, $data) = $t->api('GET', "api/1/$what?limit=100&offset="
            . @rows . ($stream ? "&stream=$stream" : ''));
        return unless $status == 200 && @{ $data->{$what} };
        push @rows, @{ $data->{$what} };
        return @rows if @rows >= $data->{total};
    }
}


# a session at random, of three people, one of them without a name

my $e = DirectStream::Events->new($t);
my @names = map { "past$_" } 1 .. 4;
my @who = ('', 'ann', 'bob');
my (%exists, @want, %refused);

srand 20;

for my $n (1 .. $ENV{DS_CHANGES} || 150) {
    my $name = $names[rand @names];
    my $who = $who[rand @who];
    my @step = @{ ([ 'POST', $S, 'create', { name => $name, start =>
                     JSON::PP::false, playlist => $url } ],
                   [ 'PATCH', "$S/$name", 'change',
                     { loop => $n % 2 ? JSON::PP::true : JSON::PP::false,
                       shuffle => JSON::PP::true } ],
                   [ 'DELETE', "$S/$name", 'delete' ],
                   [ 'POST', "$S/$name/stop", 'stop' ],
                   [ 'POST', "$S/$name/skip", 'skip' ],
                   [ 'POST', "$S/$name/previous", 'previous' ],
                   [ 'POST', "$S/fixed/stop", 'stop' ],
                   [ 'PATCH', "$S/fixed", 'change', { loop =>
                     JSON::PP::true } ],
                   [ 'POST', 'api/1/restart', 'restart_outdated' ],
                   [ 'POST', $S, 'create', { name => $name } ])[rand 10] };

    $e->take;
    my ($status) = by($who, @step[0, 1, 3]);

    if ($status >= 400) {
        $refused{$status}++;
        next;
    }

    my ($stream) = $step[1] =~ m{streams/(\w+)};
    $stream = $name if $step[2] eq 'create';

    push @want, join ' ', $step[2], $stream || '-', $who || '-',
         $step[2] eq 'change' ? 'shuffle,loop'
         : $step[2] eq 'create' ? 'playlist' : '-';
}

diag(scalar(@want) . ' changes, refused: '
     . join ' ', map { "$_ x $refused{$_}" } sort keys %refused);

my @got;

ok($t->wait_for(sub { (@got = all('changes')) >= @want }, 15),
   'all are recorded');

is(join("\n", sort map { my $c = $_;
        join ' ', $c->{what}, $c->{stream} || '-', $c->{who} || '-',
             join(',', split / /, $c->{fields} || '-') } @got),
   join("\n", sort @want), 'each of them once, with its author');
is(scalar(grep { $_->{address} ne '127.0.0.1' } @got), 0, 'and from where');
is(scalar(all('changes', 'fixed')), scalar(grep { / fixed / } @want),
   'of one stream');

my @lines = $t->log_of =~ /^.*\[notice\].*directstream "\w*": \w+ by .*$/mg;
is(scalar @lines, scalar @want, 'one line of the log each');
my $all = sub { scalar $e->got('log', sub { $_->{type} eq 'change' }) };
ok($t->wait_for(sub { $all->() >= @want }, 10), 'one event each');
is($all->(), scalar @want, 'and no more');

my ($status, $data) = $t->api('GET', 'api/1/changes?stream=' . 'x' x 65);
is($status, 400, 'no such name');
is($data->{field}, 'stream', 'the argument');
is($t->api('GET', 'api/1/changes?limit=0'), 400, 'no such limit');


# which of them

sub count {
    my ($query) = @_;
    my ($status, $data) = $t->api('GET', "api/1/$query");
    return $status == 200 ? $data->{total} : "$status $data->{field}";
}

my $middle = $got[@got / 2]{at};

is(count('changes?who=ann'), scalar(grep { ($_->{who} || '') eq 'ann' } @got),
   "one person's");
is(count('changes?what=skip'), scalar(grep { $_->{what} eq 'skip' } @got),
   'of one kind');
is(count("changes?since=$middle"), scalar(grep { $_->{at} ge $middle } @got),
   'since');
is(count("changes?until=$middle&what=stop&stream=fixed"),
   scalar(grep { $_->{at} lt $middle && $_->{what} eq 'stop'
                 && $_->{stream} eq 'fixed' } @got), 'until, and two more');
is(count('changes?since=2099-01-01T00:00:00Z'), 0, 'none yet');
is(count("changes?since=$_"), '400 since', "\"$_\" is no time")
    for '', 'x', '2026-02-30T00:00:00Z', '2026-02-03', '2026-02-03T00:00:00';
is(count('runs?until=1'), '400 until', 'of runs as well');


# runs

$t->create('ran', $url);
ok($t->wait_state('ran', 'live'), 'it runs');

ok($t->wait_for(sub { ($data) = all('runs', 'ran') }, 5), 'a run');
is($data->{state}, undef, 'which goes on');
like($data->{started}, qr/^20\d\d-.*Z$/, 'since when');

$t->api('POST', "$S/ran/stop");
ok($t->wait_for(sub { (($data) = all('runs', 'ran')) && $data->{ended} }, 10),
   'it has ended');
is($data->{state}, 'stopped', 'how');
is($data->{stream}, 'ran', 'whose');
is(count('runs?stream=ran&state=stopped'), 1, 'how runs ended');
is(count('runs?stream=ran&state=running'), 0, 'none goes on');


# what is old

my $db = $t->state_path . '/state.db';
my $old = (time - 8 * 86400) * 1000;

$t->stop_nginx('near');
$t->command('sqlite3', $db, "UPDATE run SET started_at = $old, ended_at = $old"
            . " WHERE name = 'ran'; UPDATE change SET at = $old"
            . " WHERE name = 'fixed'");
$t->start_nginx('near');
$t->api('POST', "$S/ran/start");
ok($t->wait_state('ran', 'live'), 'after a restart');
ok($t->wait_for(sub { !all('changes', 'fixed') }, 10), 'old changes are gone');

my @runs = all('runs', 'ran');
is(scalar @runs, 1, 'and old runs');
isnt(scalar all('changes', 'past1'), 0, 'others are not');

$t->finish;
