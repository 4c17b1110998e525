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

for my $n (1 .. 150) {
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

is(join("\n", map { my $c = $_;
        join ' ', $c->{what}, $c->{stream} || '-', $c->{who} || '-',
             join(',', split / /, $c->{fields} || '-') } reverse @got),
   join("\n", @want), 'each of them once, in order, with its author');
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
