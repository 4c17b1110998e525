#!/usr/bin/perl

# Tokens: which of them may do what, as openapi.json says it of each
# operation; what those for some streams see; who guesses.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use POSIX ();
use Digest::SHA qw(sha256_hex);

use DirectStream::Events;
use DirectStream::Schema;


my $t = DirectStream::Test->new;
my $url = $t->stub_list('PLrights', entries => [
    $t->stub_entry('rightsitem01', 'long.mp4', duration => 60) ]);

my @roles = qw(viewer operator admin);
my %token = (map({ ($_ => "the-token-of-$_") } @roles, 'some', 'night'));
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

$t->write_file("$_.token", "# of $_\n\n" . sha256_hex($token{$_}) . "  -\n")
    for keys %token;

my $dir = $t->dir;
my $tokens = join "\n", map { "directstream_token $_ $dir/$_.token role=$_;" }
                        @roles;


# what nginx -t says

sub conf {
    my ($text, %args) = @_;
    return $t->near_write(http => "location /x/ { directstream_admin; $text }",
                          %args)->{conf};
}

POSIX::mkfifo("$dir/fifo", 0600);
$t->write_file('empty', "# nothing\n");
$t->write_file('text', sha256_hex('a') . "\nsecret\n");
$t->write_file('long', 'a' x 65 . "\n");
$t->write_file('large', "#\n" x 40000);

for ([ 'twice', "$tokens directstream_token admin $dir/some.token role=admin;",
       qr/duplicate name "admin"/ ],
     [ 'the same token', "$tokens directstream_token more $dir/admin.token"
       . ' role=viewer;', qr/admin.token" is a token of "admin" already/ ],
     [ 'no file', "directstream_token x $dir/none role=admin;",
       qr/"\Q$dir\E\/none" failed/ ],
     [ 'a directory', "directstream_token x $dir role=admin;",
       qr/read\(\) "\Q$dir\E" failed/ ],
     [ 'a FIFO', "directstream_token x $dir/fifo role=admin;",
       qr/"\Q$dir\E\/fifo" has no token/ ],
     [ 'none in it', "directstream_token x $dir/empty role=admin;",
       qr/"\Q$dir\E\/empty" has no token/ ],
     [ 'a secret in it', "directstream_token x $dir/text role=admin;",
       qr/line 2 of "\Q$dir\E\/text" does not begin with the SHA-256/ ],
     [ 'a digit too many', "directstream_token x $dir/long role=admin;",
       qr/line 1 of/ ],
     [ 'too large', "directstream_token x $dir/large role=admin;",
       qr/more than 64k/ ],
     [ 'no role', "directstream_token x $dir/some.token;",
       qr/must have "role/ ],
     [ 'another role', "directstream_token x $dir/some.token role=root;",
       qr/invalid parameter "role=root"/ ],
     [ 'two roles', "directstream_token x $dir/some.token role=admin "
       . 'role=viewer;', qr/invalid parameter "role=viewer"/ ],
     [ 'a name', "directstream_token x/y $dir/some.token role=admin;",
       qr{invalid name "x/y"} ],
     [ 'streams', "directstream_token x $dir/some.token role=admin "
       . 'streams=a,*b;', qr/invalid stream "\*b" in "streams=a,\*b"/ ],
     [ 'no streams', "directstream_token x $dir/some.token role=admin "
       . 'streams=;', qr/invalid stream ""/ ])
{
    my ($name, $text, $re) = @$_;
    my ($status, $out) = $t->nginx_t(conf($text));

    isnt($status, 0, "$name: refused");
    like($out, $re, "$name: says why");
    unlike($out, qr/secret/, "$name: and not what");
}

my ($status, $out) = $t->nginx_t(conf($tokens));
is($status, 0, 'good ones') or diag($out);


$t->near(directstream => "stream fixed { playlist $url; }", http => <<"END");
access_log $dir/near/rights.log;
location /t/ {
    directstream_admin write=on;
    $tokens
    directstream_token night $dir/night.token role=operator streams=a*,fixed;
    directstream_token some $dir/some.token role=admin streams=a*;
}
location = /m { directstream_metrics;
    directstream_token some $dir/some.token role=viewer streams=a*; }
END

my $S = 'api/1/streams';

sub as {
    my ($who, $method, $path, $body, %headers) = @_;

    $headers{Authorization} = "Bearer $token{$who}" if $who;

    return $t->api($method, "../t/$path", $body, headers => \%headers);
}

my $api = DirectStream::Schema->new((as('viewer', 'GET',
                                        'api/1/openapi.json'))[1]);


# each operation by each role; what is deleted is made before

my %body = (
    createStream => sub { { name => "new-$_[0]", playlist => $url,
                            start => $no } },
    changeStream => sub { { loop => $yes } },
    queueItem => sub { { index => 0 } },
    goTo => sub { { index => 0 } },
    moveQueued => sub { { before => undef } },
    resolve => sub { { playlist => $url } },
    check => sub { { playlist => $url } },
    changeSchedule => sub { { slots => [] } },
    checkPlan => sub { { slots => [] } },
);

my @later = ('DELETE', 'POST', 'PATCH', 'HEAD', 'GET');
my (%tried, $entry);

$t->create('one', $url, outputs => [
    { name => 'main', url => 'rtmp://127.0.0.1:9/live/KEY', via => 'engine',
      stopped => $yes } ]);

sub path {
    my ($path, $who) = @_;

    $path =~ s/\{name\}/one/;
    $path =~ s/\{output\}/main/;
    $path =~ s/\{key\}/'0' x 32/e;

    if ($path =~ /\{id\}/) {
        $entry = (as('admin', 'POST', "$S/one/queue", { index => 0 }))[1]{id}
            unless $entry;
        $path =~ s/\{id\}/$entry/;
    }

    return "api$path";
}

sub check {
    my ($method, $template, $op, $who) = @_;

    my $path = path($template);
    my ($role) = map { @{ $_->{bearer} } } grep { $_->{bearer} }
                 @{ $op->{security} || $api->{doc}{security} };
    my %rank = (viewer => 1, operator => 2, admin => 3);
    my $what = "$who: $method $template";
    my $may = $rank{$who} && $rank{$who} >= $rank{$role};

    my $body = $method =~ /^P/
        ? ($body{ $op->{operationId} } || sub { undef })->($who) : undef;

    my ($got, $data, $r) = "$method $template" =~ /GET.*events$/
        ? head($path, $who) : as($rank{$who} ? $who : '', $method, $path,
                                 $body);

    if (!$rank{$who}) {
        is($got, 401, "$what: 401");
        is($r->{headers}{'www-authenticate'}, 'Bearer realm="directstream"',
           "$what: what is asked for");

    } elsif (!$may) {
        is($got, 403, "$what: 403");
        is($data->{code}, 'role_denied', "$what: why");

    } else {
        like($got, $template =~ /cache\/|snapshot|youtube|node/
                   ? qr/^(?:2|404|409|503)/ : qr/^2/, "$what: $got");
        $entry = '' if $method eq 'DELETE' && $template =~ /\{id\}/;
        $tried{"$method $template"} = 1;
    }

    is(join("\n", $api->answer($method, $path =~ s/^api//r, $r, $data)), '',
       "$what: as described");
}

# of an answer without an end its head is enough
sub head {
    my ($path, $who) = @_;

    my $r;
    my $end = $t->{http}->request('GET', $t->base . "/t/$path", {
        headers => $token{$who} ? { Authorization => "Bearer $token{$who}" }
                                : {},
        data_callback => sub { $r = $_[1]; die "enough\n" } });

    $r ||= $end;
    my $data = eval { $t->{json}->decode($r->{content}) };
    return ($r->{status}, $data, $r);
}

my $paths = $api->{doc}{paths};

for my $path (sort { ($a =~ /stop$/) <=> ($b =~ /stop$/) || $a cmp $b }
              keys %$paths)
{
    for my $method (map { uc } grep { $_ ne 'parameters' }
                    sort keys %{ $paths->{$path} })
    {
        next if "$method $path" eq 'DELETE /1/streams/{name}';
        check($method, $path, $paths->{$path}{lc $method}, $_)
            for 'nobody', @roles;
    }
}

check('DELETE', '/1/streams/{name}', $paths->{'/1/streams/{name}'}{delete}, $_)
    for 'nobody', @roles;

is(join("\n", grep { !$tried{$_} } map { my $p = $_;
        map { uc($_) . " $p" } grep { $_ ne 'parameters' }
        keys %{ $paths->{$p} } } keys %$paths),
   '', 'each operation was done by somebody');

is((as('', 'GET', 'api/1/none'))[0], 401, 'what is not there, neither');
is((as('viewer', 'GET', 'api/1/none'))[0], 404, 'but for who is known');
is((as('', 'GET', ''))[0], 200, 'the page is for everybody');
unlike((as('', 'GET', ''))[2]{content}, qr/fixed/, 'and tells of no stream');
like($t->{http}->get($t->base . '/directstream/')->{content}, qr/fixed/,
     'which it does where no token is asked for');

my (undef, $root) = as('night', 'GET', 'api/1');
is($root->{role}, 'operator', 'a token knows its role');
is($root->{token}, 'night', 'its name');
is(join(' ', @{ $root->{streams} }), 'a* fixed', 'and its streams');
(undef, $root) = $t->api('GET', 'api/1/');
is($root->{role}, 'admin', 'without tokens');
is($root->{streams}, undef, 'of all streams');
is((grep { $_->{path} eq 'restart' } @{ $root->{resources} })[0]{role},
   'admin', 'who may do something');


# some of the streams

my $e = DirectStream::Events->new($t, path => '/t/api/1/events?since=0',
                                  token => $token{some});
my $other = DirectStream::Events->new($t);

is((as('some', 'POST', $S, { name => $_, playlist => $url, start => $no }))[0],
   /^a/ ? 201 : 403, "create \"$_\"") for 'a1', 'a', 'b1', 'Aa';
is((as('some', 'POST', $S, { name => 'b', playlist => $url }))[1]{code},
   'stream_denied', 'why not');
$t->api('POST', $S, { name => 'b1', playlist => $url, start => $no });

is(join(' ', map { $_->{name} } @{ (as('some', 'GET', $S))[1]{streams} }),
   'a a1', 'a list');
is((as('some', 'GET', "$S/a1"))[0], 200, 'one of them');
is((as('some', @$_))[1]{code}, 'stream_not_found', "$_->[0] of another")
    for [ 'GET', "$S/b1" ], [ 'GET', "$S/b1/items" ], [ 'DELETE', "$S/b1" ],
        [ 'POST', "$S/b1/stop" ], [ 'PATCH', "$S/b1", { loop => $no } ],
        [ 'GET', "$S/b1/queue" ], [ 'GET', "$S/none" ];
is((as('some', @$_))[1]{code}, 'stream_denied', "$_->[0] $_->[1]")
    for [ 'GET', 'api/1/cache' ], [ 'POST', 'api/1/restart' ],
        [ 'DELETE', 'api/1/cache/' . '0' x 32 ];
is((as('night', 'POST', "$S/fixed/stop"))[0], 202, 'of two patterns');

for my $what ('changes', 'runs') {
    my %seen = map { ($_->{stream} || '-') => 1 }
               @{ (as('some', 'GET', "api/1/$what?limit=1000"))[1]{$what} };
    is(join(' ', sort keys %seen), $what eq 'runs' ? '' : 'a a1', $what);
}

$other->wait_event('log', sub { $_->{stream} eq 'fixed'
                                && $_->{type} eq 'change' });
ok($t->wait_for(sub { $e->got('log', sub { $_->{stream} eq 'a' }) }, 5),
   'events of its own');
as('some', 'DELETE', "$S/a");
$t->api('DELETE', "$S/b1");
ok($e->wait_event('removed', sub { $_->{name} eq 'a' }), 'the end of one');
is(join(' ', grep { !/^a/ } map { $_->{name} || $_->{stream} || '-' }
             $e->got('stream'), $e->got('progress'), $e->got('removed'),
             $e->got('log')), '', 'and of no other');

my $m = $t->{http}->get($t->base . '/m');
is($m->{status}, 401, 'metrics ask for a token, too');
$m = $t->{http}->get($t->base . '/m', { headers => {
    Authorization => "bearer  $token{some}" } });
is($m->{status}, 200, 'and get it');
like($m->{content}, qr/stream="a1"/, 'of its streams');
unlike($m->{content}, qr/stream="fixed"/, 'not of others');


# who it was

my @changes = @{ ($t->api('GET', 'api/1/changes?limit=1000'))[1]{changes} };
my %who = map { ($_->{who} || '-') => 1 } @changes;

is(join(' ', sort keys %who), '- admin night operator some', 'who it was');
is((grep { $_->{what} eq 'stop' && $_->{stream} eq 'fixed' } @changes)[0]{who},
   'night', 'of one of them');


# who guesses

my $lines = () = $t->log_of =~ /a token that is not known/g;
is($lines, 0, 'nobody has guessed until now');

for (1 .. 200) {
    my ($got, undef, $r) = $t->api('GET', "../t/$S", undef, headers => {
        Authorization => "Bearer guessed-$_" });
    is("$got $r->{headers}{'www-authenticate'}", '401 Bearer '
       . 'realm="directstream", error="invalid_token"', 'a wrong one')
        if $_ == 1 || $got != 401;
}

$lines = () = $t->log_of =~ /\[warn\].*a token that is not known/g;
cmp_ok($lines, '>=', 1, 'it is logged');
cmp_ok($lines, '<=', 20, 'but not each time');
is((as('', 'GET', $S, undef, Authorization => $_))[0], 401, "\"$_\"")
    for 'Bearer', 'Bearer ', 'Basic YTpi', $token{admin},
        "Bearer $token{admin}x", 'Bearer ' . substr($token{admin}, 0, -1);
is((as('', 'GET', "$S?access_token=$token{night}"))[0], 401,
   'not in the address');


# a new file, after a reload

$t->write_file('viewer.token', sha256_hex($token{viewer}) . "\n"
               . sha256_hex('second') . "\n");
$t->write_file('operator.token', sha256_hex('other') . "\n");
$t->signal('HUP');

ok($t->wait_for(sub { (as('operator', 'GET', $S))[0] == 401 }, 10),
   'an old token is none any more');
is((as('', 'GET', $S, undef, Authorization => 'Bearer second'))[0], 200,
   'a second one of a name');
is((as('viewer', 'GET', $S))[0], 200, 'beside the first');

my $all = $t->log_of . $t->read_file('near/rights.log');

unlike($all, qr/the-token-of-(?!night)|guessed-/, 'no token in any log');

$t->finish;
