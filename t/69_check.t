#!/usr/bin/perl

# What a stream would play is told before it is on air: by POST check and by
# directstream-check, which have one engine, one schema and one answer.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Schema;


my $t = DirectStream::Test->new;
my $root = $DirectStream::Test::ROOT;
my $tool = "$DirectStream::Test::BUILD/directstream-check";
my $schema = DirectStream::Schema->new(JSON::PP::decode_json(
    $t->read_file("$root/src/nginx/openapi.json")));

$t->media;

# lists: good, with losses, dark, long

my $good = $t->stub_list('PLgood', entries => [ map {
    $t->stub_entry("good$_", 'a.mp4') } 1 .. 3 ]);

my $losses = $t->stub_list('PLlosses', entries => [
    $t->stub_entry('loss1', 'a.mp4'),
    $t->stub_entry('loss2', 'gone.mp4'),
    $t->stub_entry('loss3', 'a.mp4', title => '[Private video]'),
    $t->stub_entry('loss4', 'b.mp4'),
    $t->stub_entry('loss5', 'a.mp4', fault => { mode => 'error',
                                                error => '429' },
                   url => 'https://www.example.com/loss5'),
]);

my $dark = $t->stub_list('PLdark', entries => [ map {
    $t->stub_entry("dark$_", 'gone.mp4') } 1 .. 3 ]);

my $long = $t->stub_list('PLlong', page => 100,
    repeat => { count => 5000, %{ $t->stub_entry('long%05d', 'a.mp4') } });

my $plain = $t->plain_list('plain', 'a.mp4', 'gone.mp4', 'b.mp4');

# the stream is in a file that is included, the profile is the block's
$t->write_file('near/streams.conf', <<"END");
stream losses { playlist $losses; }
stream good {
    playlist "$good";       # not another word
    loop off;
}
END

# nothing of it is on air: it is another nginx's
my $n = $t->near_write(directstream => <<"END");
    video           auto;
    source_timeout  2s;
    deny_source     10.0.0.0/8;
    include         streams.conf;
    stream copied { playlist $plain; video copy; }
    stream dark    { playlist $dark; }
    stream denied  { playlist http://10.0.0.1/list.m3u; }
    stream stub    { playlist $long; }
END

my $file = $t->dir . '/near/check.conf';
rename $n->{conf}, $file;

$t->near(directstream => 'video auto; source_timeout 2s;');

# nginx under the sanitizers needs their libraries, and its own files
my $preload = $ENV{DS_PRELOAD} ? "export LD_PRELOAD='$ENV{DS_PRELOAD}'" : ':';
my $nginx = $t->write_file('nginx', <<"END");
#!/bin/sh
$preload
exec $DirectStream::Test::NGINX -e $t->{dir}/near/test.log "\$@"
END
chmod 0755, $nginx;

my @conf = ('-n', $nginx, '-p', $t->dir . '/near', '-c', $file);


# what the program says: (exit code, text)
sub check {
    my ($rc, $text) = $t->command($tool, @_);
    return ($rc >> 8, $text);
}


# the program's JSON, as its schema has it
sub check_json {
    my (@args) = @_;

    my ($rc, $text) = check('-j', @conf, @args);
    my $data = eval { JSON::PP::decode_json($text) } || diag($text);

    is(join("\n", $schema->check($data, { '$ref' =>
                  '#/components/schemas/CheckResult' })), '',
       "@args: as the schema has it");

    return ($rc, $data);
}


sub verdicts {
    my ($data) = @_;

    return join ' ', map { "$_->{index}:" . ($_->{verdict} || '-')
                           . ($_->{code} ? "=$_->{code}" : '') }
                     @{ $data->{items} };
}


# by the program

my ($rc, $data) = check_json('good');
is($rc, 0, 'good: exit code');
is($data->{outcome}, 'plays', 'good: plays');
is(verdicts($data), '0:ok 1:ok 2:ok', 'good: all were opened');
like($data->{items}[0]{reason}, qr/^encode: .*to H.264 1280x720/,
     'with what would be sent');
ok($data->{complete}, 'the list is whole');

($rc, $data) = check_json('losses');
is($rc, 1, 'losses: exit code');
is($data->{outcome}, 'losses', 'losses: outcome');
is(verdicts($data), '0:ok 1:bad=source_not_found 2:-=item_private 3:ok'
   . ' 4:risk=resolver_rate_limited', 'losses: whose fault it is');
is("@$data{qw(count unplayable opened ok risk bad)}", '5 1 4 2 1 1',
   'losses: numbers');

($rc, $data) = check_json('dark');
is($rc, 2, 'dark: exit code');
is($data->{outcome}, 'dark', 'dark: outcome');

($rc, $data) = check_json('denied');
is($rc, 2, 'denied: exit code');
is($data->{error}{code}, 'source_denied', 'the same rules of access');
is($data->{count}, 0, 'denied: nothing was listed');

is($data->{encoded}, 0, 'denied: nor encoded');

($rc, $data) = check_json('copied');
is(verdicts($data), '0:ok 1:bad=source_not_found 2:ok', 'plain: opened');
like($data->{items}[0]{reason}, qr/^copy: H.264 /,
     'the profile is the stream\'s');

# a long list: one call for it, one for each item that is opened

my $before = $t->stub_calls;
($rc, $data) = check_json('-i', 7, 'stub');
is($rc, 0, 'long: exit code');
is($data->{count}, 5000, 'long: all of it');
is($data->{opened}, 7, 'long: so many were opened');
is(join(' ', map { $_->{index} } @{ $data->{items} }),
   '0 833 1666 2499 3332 4165 4999', 'from the first to the last');
cmp_ok($t->stub_calls - $before, '<=', 8, 'long: calls of the resolver');

# in words; a playlist of no stream, with the block's settings or the defaults

my $text;
($rc, $text) = check(@conf, 'losses');
is($rc, 1, 'words: exit code');
like($text, qr/^losses:\ plays\ with\ losses\n
               listed:\ 5\ items,\ 1\ cannot\ be\ played\n
               opened:\ 4\ items,\ 2\ ok/x, 'words: the outcome');
like($text, qr/^ +1  bad   source_not_found: .*id: "loss2"/m,
     'words: an item');

($rc, $text) = check(@conf, '-i', 2, $plain);
is($rc, 0, 'a bare list: exit code');
like($text, qr/3 items.*\nopened: 2 items, 2 ok/, 'a sample of it');

($rc, $text) = check($plain);
is($rc, 1, 'without a configuration');

($rc, $text) = check(@conf, "http://127.0.0.1:$n->{http}/none.m3u?sig=SECRET");
is($rc, 2, 'a list that is not there');
unlike($text, qr/SECRET/, 'no secret is shown');

# what cannot be checked

for my $c ([ 'usage', qr/^usage: / ],
           [ 'usage', qr/^usage: /, '-i', 0, 'good' ],
           [ 'usage', qr/^usage: /, '-i', 101, 'good' ],
           [ 'no such stream', qr/no stream, and no playlist: "none"/, @conf,
             'none' ],
           [ 'no such file', qr/nginx -T failed/, '-n', $nginx, '-c',
             $t->dir . '/none.conf', 'good' ],
           [ 'no nginx', qr/nginx -T failed/, '-n', '/none', '-c',
             $file, 'good' ],
           [ 'no block', qr/shows no "directstream" block/, '-n', $nginx,
             '-c', $t->write_file('bare.conf', "events { }\n"), 'good' ])
{
    my ($what, $said, @args) = @$c;

    ($rc, $text) = check(@args);
    is($rc, 3, "$what: exit code");
    like($text, $said, "$what: what is said");
}

# nginx -T stays a configuration: what is added is a comment

(undef, $text) = $t->command($nginx, '-Tq', '-p', $t->dir . '/near', '-c',
                             $file);
is(scalar(grep { /directstream-check/ && !/^# / } split /\n/, $text), 0,
   'nginx -T: a comment');


# by the API

# what was asked, as described, and what came
sub asked {
    my ($want, %body) = @_;

    my ($got, $answer, $r) = $t->api('POST', 'api/1/check', \%body);

    is($got, $want, 'POST check: ' . join ' ', map { "$_=$body{$_}" }
                                           sort keys %body)
        or diag($r->{content});
    is(join("\n", $schema->answer('POST', '/1/check', $r, $answer)), '',
       'as described');

    return $answer;
}


# which has made the stream, and the store has it for the program

$t->create('made', $losses, start => JSON::PP::false);
$data = asked(200, stream => 'made');
is($data->{outcome}, 'losses', 'API: outcome');
is(verdicts($data), '0:ok 1:bad=source_not_found 2:-=item_private 3:ok'
   . ' 4:risk=resolver_rate_limited', 'API: the same verdicts');
($rc) = check_json('made');
is($rc, 1, 'the program finds it in the store');

# a host that asked to be left alone is, and nobody waits for it

my $calls = $t->stub_calls;
$data = asked(200, stream => 'made', items => 100);
like(verdicts($data), qr/4:risk=resolver_rate_limited/, 'API: known to be');
is($t->stub_calls - $calls, 4, 'and not asked again');

$data = asked(200, playlist => $plain, items => 1);
is($data->{outcome}, 'plays', 'API: one that plays');
is(verdicts($data), '0:ok', 'API: a sample');

is(asked(200, playlist => $dark)->{outcome}, 'dark', 'API: dark');

$data = asked(200, playlist => $long, items => 3);
is(verdicts($data), '0:ok 2499:ok 4999:ok', 'API: of a long list');

is(asked(404, stream => 'none')->{code}, 'stream_not_found', 'API: no stream');
is(asked(400)->{code}, 'missing_field', 'API: nothing to check');
is(asked(400, stream => 'a', playlist => $plain)->{code}, 'missing_field',
   'API: not both');
is(asked(400, stream => 'a/b')->{code}, 'invalid_field', 'API: no name');
is(asked(400, stream => 'a', items => 0)->{code}, 'invalid_field',
   'API: a number of items');
is(asked(400, stream => 'a', limit => 1)->{code}, 'unknown_field',
   'API: an unknown field');

# nothing was begun by all of this

is($t->state('made'), 'stopped', 'nothing was started');

$t->finish;
