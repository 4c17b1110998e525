#!/usr/bin/perl

# The page of an operator with hundreds of streams: those he looks for, what
# is coming on one, its outputs, and what a reload has left behind.

use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Browser;


my $missing = DirectStream::Browser->missing;
plan(skip_all => "there is no $missing") if $missing;

binmode $_, ':utf8' for map { Test::More->builder->$_ }
    qw(output failure_output);

my $t = DirectStream::Test->new;
$t->far;

my $url = $t->stub_list('PLcoming', entries => [
    $t->stub_entry('comingitem01', 'long.mp4', title => 'Number 1',
                   duration => 60),
    $t->stub_entry('comingitem02', 'mid.mp4', title => 'Number 2',
                   duration => 5),
    $t->stub_entry('comingitem03', $t->media_url('b.mp4', 'status=404'),
                   title => 'Number 3', duration => 5),
    map { $t->stub_entry("comingitem1$_", 'mid.mp4', duration => 5,
                         title => "Number $_") } 4 .. 20 ]);

my $conf = "preflight 3; stream fixed { playlist $url; }";

$t->near(zone => '64m', directstream => "$conf deny_source 203.0.113.0/24;");

my @many = map { sprintf 'news-%03d', $_ } 1 .. 200;

$t->api('POST', 'api/1/streams', { name => $_, playlist => $url,
        start => JSON::PP::false }) for @many;

my $b = DirectStream::Browser->new($t);
my $page = $t->base . '/directstream/';


# hundreds: they are found by a part of the name, and by state

$b->screen(1280, 800);
$b->open($page);
ok($b->wait_script('return document.querySelectorAll(".streams > li").length'
                   . ' === 201', 30), 'all of them');
$b->type('#search', 'S-19');
ok($b->wait_text('.filter', qr/10 of 201 are shown/), 'ten are found');
$b->type('#search', 'news-123');
ok($b->wait_text('.filter', qr/1 of 201 are shown/), 'one is found');
$b->click('.streams a', 'news-123');
ok($b->wait_text('h1', qr/^news-123$/), 'and opened');


# what is coming

$b->open("$page#/fixed");
ok($b->wait_text('.head .chip', qr/^live$/, 30), 'on air');
ok($b->wait_text('.ahead li:nth-child(1)', qr/Number 2.*\bprepared/s, 30),
   'the next one is prepared');
ok($b->wait_text('.ahead li:nth-child(2)',
                 qr/Number 3.*passed over: source_not_found/s, 40),
   'one that cannot be played will be passed over');
ok($b->wait_text('.ahead li:nth-child(3)', qr/Number 4.*\bok/s, 40),
   'and one is ok');
is($b->script('return document.querySelectorAll(".ahead li").length'), 8,
   'some of them');
like($b->script('return document.querySelector(".ahead").parentNode'
                . '.innerText'), qr/Then 11 more/, 'how many more');

$t->api('POST', 'api/1/streams/fixed/queue', { index => 5, at => 'end' });
ok($b->wait_script('return /One queued item comes first/.test('
                   . 'document.querySelector(".ahead").parentNode.innerText)',
                   20), 'what is queued comes first');

$b->click('button', 'Prefetch');
ok($b->wait_script('return /Prefetch\s+\d+ of 20/.test('
                   . 'document.querySelector(".ahead").parentNode.innerText)',
                   20), 'how far a prefetch is');


# a change that begins it anew is asked about, as is what goes off the air

$t->create('air', $url);
$b->open("$page#/air");
ok($b->wait_text('.head .chip', qr/^live$/, 30), 'one of the API, on air');

my $runs = sub { ($t->api('GET', 'api/1/runs?stream=air'))[1]{total} };

$b->click('button', 'Change…');
$b->find('#field-loop');
$b->click('#field-loop');
$b->click('dialog button', 'Change');
ok($b->wait_script('return document.querySelector("dialog") === null'),
   'one that breaks nothing is done');
$b->click('button', 'Change…');
$b->find('#field-shuffle');
$b->click('#field-shuffle');
$b->click('dialog button', 'Change');
ok($b->wait_text('dialog', qr/on air with “Number.*begins it anew/s),
   'another one is asked about');
ok(!($t->api('GET', 'api/1/streams/air'))[1]{shuffle}, 'and not done as yet');
is($runs->(), 1, 'nothing has begun anew');
$b->click('dialog button', 'Break it');
ok($b->wait_script('return document.querySelector("dialog") === null'),
   'yes');
ok(($t->api('GET', 'api/1/streams/air'))[1]{shuffle}, 'it is done');


# outputs: one is made, changed with its key kept, and removed

my $stream = 'api/1/streams/news-007';

sub outputs {
    my (undef, $data) = $t->api('GET', $stream);
    return join ' ', map { "$_->{name}:$_->{role}:$_->{via}" }
                     @{ $data->{outputs} };
}

sub stored {
    my (undef, $out) = $t->command('sqlite3', $t->state_path . '/state.db',
        "SELECT outputs FROM output WHERE name = 'news-007'");
    return $out;
}

sub form {
    $b->open('about:blank');
    $b->open("$page#/news-007");
    $b->click('button', 'Change…');
    $b->find('#field-outputs');
}

sub save {
    my ($what) = @_;

    $b->click('dialog button', 'Change');
    ok($b->wait_script('return document.querySelector("dialog") === null'),
       $what)
        or diag($b->script('return document.querySelector("dialog")'
                           . '.innerText'));
}

form();
$b->type('#field-push', 'rtmps://127.0.0.1:9/live2/FIRSTKEY');
$b->click('#field-outputs button', 'Add an output');
$b->type('#field-output-1-url', 'rtmps://127.0.0.1:9/live2/SECONDKEY');
$b->type('#field-output-1-name', 'spare');
save('two outputs');
like(outputs(), qr/^\w+:primary:engine spare:backup:engine$/,
     'as the API says');

form();
is($b->script('return document.querySelector("#field-output-1-url").value'),
   'rtmps://127.0.0.1:9/live2/***', 'the key is not shown');
$b->script('const e = document.querySelector("#field-output-1-role");'
           . 'e.value = "primary";'
           . 'e.dispatchEvent(new Event("input", { bubbles: true }))');
save('a change of the second');
like(outputs(), qr/ spare:primary:engine$/, 'it has another role');
like(stored(), qr/FIRSTKEY.*SECONDKEY/s, 'the keys are kept');

form();
$b->type('#field-output-1-url', 'ftp://127.0.0.1/x');
$b->click('dialog button', 'Change');
ok($b->wait_text('dialog .failure[role="alert"]', qr/rtmp/),
   'what is wrong is said');
$b->click('#field-outputs button', 'Remove');
save('without the second');
like(outputs(), qr/^\w+:primary:engine$/, 'the first is left');
like(stored(), qr/FIRSTKEY/, 'with its key');


# a reload with another setting leaves what is on air behind

$t->near_write(zone => '64m', directstream => $conf);
$t->signal('HUP');
$b->open('about:blank');
$b->open($page);
ok($b->wait_script('return [...document.querySelectorAll(".streams .chip")]'
                   . '.filter((e) => e.textContent === "live, outdated")'
                   . '.length === 2', 30), 'what runs is marked');
ok($b->script('return [...document.querySelectorAll("#state option")]'
              . '.some((e) => e.value === "outdated")'), 'and found by it');
$b->click('button', 'Move all');
ok($b->wait_text('dialog', qr/On air: air, fixed/), 'what breaks is said');
$b->click('dialog button', 'Break each');
ok($t->wait_for(sub { !grep { $t->field($_, 'outdated') } 'air', 'fixed' },
                30), 'they are moved');
ok($b->wait_script('return !/outdated/i.test('
                   . 'document.querySelector(".streams").innerText)', 20),
   'and marked no more');

is(join("\n", grep { !/status of (?:400|503)/ } $b->console), '',
   'a quiet console');

$b->quit;
$t->finish;
