#!/usr/bin/perl

# The dashboard with tokens: it asks for one, offers what that may do, and
# shows its streams; a part of many is found.  Each view is looked over by
# axe-core.

use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use Digest::SHA qw(sha256_hex);

use DirectStream::Browser;
use DirectStream::Npm;


my $missing = DirectStream::Browser->missing;
plan(skip_all => "there is no $missing") if $missing;

binmode $_, ':utf8' for map { Test::More->builder->$_ }
    qw(output failure_output);

my $t = DirectStream::Test->new;
my ($modules, $why) = DirectStream::Npm->install('axe-core', '4.10.3');
my $axe = $modules && $t->read_file("$modules/axe-core/axe.min.js");

my @roles = qw(viewer operator admin);
my $dir = $t->dir;

$t->write_file($_, sha256_hex("$_-token")) for @roles;

my $url = $t->stub_list('PLaxe', entries => [
    map { $t->stub_entry("axeitem0000$_", 'long.mp4', title => "Number $_",
                         duration => 60) } 1 .. 3 ]);

my $gone = 'rtmp://127.0.0.1:' . $t->port . '/live/key';

$t->near(directstream => "stream fixed { playlist $url; mode hybrid;"
                         . " push $gone via=engine; }",
         http => "location /t/ { directstream_admin write=on;\n" . join('',
         map { "directstream_token the-$_ $dir/$_ role=$_"
               . ($_ eq 'operator' ? ' streams=f*,x*;' : ';') } @roles) . '}');

$t->api('POST', 'api/1/streams', { name => $_, playlist => $url,
        start => JSON::PP::false }) for map { "x$_" } 1 .. 40;

my $b = DirectStream::Browser->new($t);
my $page = $t->base . '/t/';


sub buttons {
    return $b->script('return [...document.querySelectorAll("main button")]'
                      . '.filter((e) => e.checkVisibility())'
                      . '.map((e) => e.textContent).join()');
}

# what axe finds, with where; best practices as well
sub look {
    my ($what) = @_;

  SKIP: {
        skip($why, 1) unless $axe;

        my $found = $b->script($axe . ';return axe.run().then((r) =>'
            . ' r.violations.map((v) => `${v.id}: ${v.nodes.map((n) =>'
            . ' n.html).join(" ")}`).join("\n"), String)');
        is($found, '', "$what: everybody can use it");
    }
}

sub look_all {
    my ($what) = @_;

    for my $screen ([ 390, 844, 'light' ], [ 1280, 800, 'dark' ]) {
        $b->screen(@$screen);
        look("$what, $screen->[0] wide, $screen->[2]");
        ok($b->script('return document.documentElement.scrollWidth'
                      . ' <= innerWidth'), "$what: fits");
    }
}

sub enter {
    my ($token) = @_;
    $b->type('#token', $token);
    $b->click('main button', 'Enter');
}


# a token

$b->open($page);
ok($b->wait_text('h1', qr/A token is asked for/), 'it asks for a token');
look_all('the token');
unlike($b->script('return document.documentElement.outerHTML'), qr/fixed/,
       'and shows nothing before');
enter('wrong');
ok($b->wait_text('.failure', qr/none of those/), 'not a wrong one');
enter('viewer-token');
ok($b->wait_text('.streams', qr/fixed/), 'but one that is known');
ok($b->wait_text('#who', qr/the-viewer, viewer/), 'and says whose it is');
is(buttons(), '', 'a viewer changes nothing');
$b->click('.streams a', 'fixed');
ok($b->wait_text('.head .chip', qr/^live$/, 30), 'one stream');
ok($b->wait_script('const i = document.querySelector(".picture img");'
                   . 'return i && i.naturalWidth > 0', 30), 'its picture');
ok($b->wait_text('.events', qr/state is/), 'its events');
is(buttons(), 'Previous day,Next day,Earlier,Later',
   'nothing to change it with');
$b->click('header button', 'Forget the token');
ok($b->wait_text('h1', qr/A token is asked for/), 'it is forgotten');

enter('operator-token');
ok($b->wait_text('h1', qr/^fixed$/), 'where it was');
$b->click('main a', 'All streams');
ok($b->wait_text('.streams', qr/fixed/), 'an operator');
is(buttons(), '', 'makes no stream');
ok(!$b->script('return [...document.querySelectorAll("a")].some((e) =>'
               . ' e.textContent === "Cache")'),
   'and sees nothing of all of them');
$b->click('.streams a', 'fixed');
ok($b->wait_text('main', qr/Skip/), 'what he may');
unlike(buttons(), qr/Change|Delete/, 'and no more');
ok($b->wait_text('.outputs', qr/\bdown\b.*Stop/s), 'an output');
look_all('a stream with an output');
$b->click('button', 'Restart');
ok($b->wait_text('dialog', qr/Restart fixed\?.*on air with “Number/s),
   'what breaks is said');
look_all('a question');
$b->click('dialog button', 'Cancel');
$b->click('header button', 'Forget the token');


# an admin; one of many

$b->wait_text('h1', qr/A token is asked for/);
enter('admin-token');
$b->click('main a', 'All streams');
ok($b->wait_text('main', qr/New stream/), 'an admin');
$b->type('#search', 'X7');
ok($b->wait_text('.filter', qr/1 of 41 are shown/), 'one is found');
is($b->script('return [...document.querySelectorAll(".streams > li")]'
              . '.filter((e) => e.checkVisibility()).length'), 1, 'alone');
$b->type('#search', 'no such');
ok($b->wait_text('.filter', qr/0 of 41 are shown/), 'none');
look_all('the list');
$b->script('const e = document.querySelector("#search"); e.value = "";'
           . 'e.dispatchEvent(new Event("input"));'
           . 'const s = document.querySelector("#state"); s.value = "live";'
           . 's.dispatchEvent(new Event("change"));');
ok($b->wait_text('.filter', qr/1 of 41 are shown/), 'those of a state');

$b->click('button', 'New stream');

my $new = ($t->api('GET', 'api/1/openapi.json'))[1]{components}{schemas}
          {NewStream}{properties};
is($b->script('return arguments[0].filter((name) => document.querySelector('
              . '`#field-${name}`) === null).join()', [ sort keys %$new ]),
   '', 'the form has all there is to set');

$b->type('#field-name', 'made');
$b->type('#field-playlist', $url);
$b->type('#field-max_item_duration', 'long');
look_all('the form');
$b->click('dialog button', 'Create');
ok($b->wait_text('#field-max_item_duration-error', qr/from 1 second/),
   'what is no number is said where it is');
$b->type('#field-max_item_duration', '30');
$b->type('#field-video_rate', '20');
$b->type('#field-audio_bitrate', '');
$b->script('document.querySelector("#field-audio_rate").value = "48000"');
$b->script('document.querySelector("#field-start").checked = false');
$b->click('dialog button', 'Create');
ok($b->wait_text('h1', qr/^made$/), 'a stream is made');

my $made = ($t->api('GET', 'api/1/streams/made'))[1];
is(join(' ', map { $made->{$_} } qw(max_item_duration video_rate audio_bitrate
                                    audio_rate)),
   '30 20 128000 48000', 'with what was set');
look_all('a stream');

$b->open("$page#cache");
ok($b->wait_text('main', qr/Number|Nothing is kept/), 'the cache');
look_all('the cache');


# axe is seen to find something

SKIP: {
    skip($why, 1) unless $axe;

    my $found = $b->script('document.body.insertAdjacentHTML("beforeend", '
        . '`<img src="icon.svg"><button></button>`);' . $axe
        . ';return axe.run().then((r) => r.violations.map((v) => v.id)'
        . '.join())');
    like($found, qr/button-name.*image-alt/, 'what is wrong is found');
}

is(join("\n", grep { !/status of (?:401|400|503)/ } $b->console), '',
   'a quiet console');

$b->quit;
$t->finish;
