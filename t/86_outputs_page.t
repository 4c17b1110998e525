#!/usr/bin/perl

# Outputs on the page: what has become of each, and the buttons that stop,
# start and restart it: what goes off the air is said before, the others and
# the stream go on; by the keyboard; not for who may only look, nor before that
# is known.

use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use Digest::SHA qw(sha256_hex);

use DirectStream::Browser;


my $missing = DirectStream::Browser->missing;
plan(skip_all => "there is no $missing") if $missing;

binmode $_, ':utf8' for map { Test::More->builder->$_ }
    qw(output failure_output);

my $t = DirectStream::Test->new;
my $far = $t->far;
my $closed = $t->port;
my $dir = $t->dir;
my @roles = qw(viewer operator);

$t->write_file($_, sha256_hex("$_-token")) for @roles;

my $list = $t->plain_list('outputs', 'long.mp4', 'mid.mp4');

$t->near(directstream => <<"END", http => <<"SHUT" . 'location /t/ { '
stream tv {
    playlist $list;
    publish  none;
    push name=main $far/KEYMAIN via=engine;
    push name=spare $far/KEYSPARE via=engine role=backup;
    push name=gone rtmp://127.0.0.1:$closed/live/KEYGONE via=engine;
}
stream old {
    playlist $list;
    push     $far/KEYOLD via=rtmp;
}
END
set \$shut "";
if (-f $dir/shut) { set \$shut \$uri; }
if (\$shut = /directstream/api/1/) { return 503; }
SHUT
    . join('', 'directstream_admin write=on;',
           map { "directstream_token the-$_ $dir/$_ role=$_;" } @roles) . '}');

my $page = $t->base . '/directstream/';
my $b = DirectStream::Browser->new($t);


sub output {
    my ($name, $field) = @_;

    my ($o) = grep { $_->{name} eq $name }
                   @{ $t->field('tv', 'outputs') || [] };
    return $o->{$field} // '';
}

# the lines of the page, as text: by the name of the output
sub lines {
    return $b->script('return Object.fromEntries([...document.querySelectorAll('
        . '".outputs > li")].map((e) => [e.querySelector("h3").innerText,'
        . ' e.innerText]))');
}

sub wait_line {
    my ($name, $re, $what) = @_;

    my $ok = $t->wait_for(sub { (eval { lines()->{$name} } || '') =~ $re },
                          20);
    ok($ok, $what) or diag(explain(lines()));
}

sub button {
    my ($label) = @_;
    return "button[aria-label=\"$label\"]";
}

sub enter {
    my ($token) = @_;
    $b->type('#token', $token);
    $b->click('main button', 'Enter');
}

ok($t->wait_state('tv', 'live', 20), 'on air');
my $w = $t->watch('spare', url => "$far/KEYSPARE");
ok($t->wait_packet($w, 15), 'to the spare one');

$b->screen(1280, 800);

# what may be done is not known yet: that is said, and asked for again

$t->write_file('shut', '');
$b->open("$page#/tv");
ok($b->wait_text('#lost', qr/is not known: The server answers 503\. Trying/),
   'a server that does not say what may be done');
unlink "$dir/shut";
ok($b->wait_script('return document.querySelector("#lost").hidden'), 'it does');

# what has become of each

wait_line('main', qr/\bup\b.*primary.*Sent\s+[\d.]+ [kM]B, 0 recon/s, 'up');
wait_line('spare', qr/\bup\b.*backup.*by the engine/s, 'the backup');
wait_line('gone', qr/\bdown\b.*Problem\s+.*refused/si, 'one that is down');
unlike($b->script('return document.documentElement.outerHTML'), qr/KEY/,
       'no key is shown');

# what goes off the air is said, and may stay

$b->click(button('Stop output main'));
ok($b->wait_text('dialog', qr/Stop\ output\ main\ of\ tv\?.*
                              “.*”\ is\ sent\ to\ \Q$far\E\/\*\*\*,.*
                              gets\ nothing\ more.*Others\ go\ on:\ spare\./sx),
   'what goes off the air is said');
is($b->script('return document.activeElement.textContent'), 'Cancel',
   'the focus is on the harmless one');
$b->keys('Escape');
ok($b->wait_script('return !document.querySelector("dialog")'), 'cancelled');
is($b->script('return document.activeElement.getAttribute("aria-label")'),
   'Stop output main', 'the focus is where it was');
is(output('main', 'state'), 'up', 'nothing is stopped');

# by the keyboard: from there to the other one, and back

my $since = $t->field('tv', 'since');
$b->keys('Enter');
ok($b->wait_text('dialog', qr/Stop output main/), 'asked again, by keys');
$b->keys('Tab', 'Enter');
wait_line('main', qr/\bstopped\b.*Start/s, 'stopped');
is(output('main', 'state'), 'stopped', 'as the API says');
is($b->script('return document.activeElement.getAttribute("aria-label")'),
   'Start output main', 'the focus has stayed');
ok($b->script('return document.querySelector(arguments[0]).disabled',
              button('Restart output main')), 'there is nothing to restart');

# the last one that is up: there is no other

$b->click(button('Restart output spare'));
ok($b->wait_text('dialog', qr/Restart output spare.*No other output is up/s),
   'and when it is the last');
$b->click('dialog button', 'Cancel');

$b->script('document.querySelector(arguments[0]).focus()',
           button('Start output main'));
$b->keys('Enter');
wait_line('main', qr/\bup\b/, 'started, without a question');
$b->click(button('Restart output main'));
$b->click('dialog button', 'Break it for a moment');
wait_line('main', qr/\bup\b.*1 reconnects/s, 'restarted');

# what is not up takes nothing off the air

$b->click(button('Stop output gone'));
wait_line('gone', qr/\bstopped\b/, 'one that is down is not asked about');

# the rest has not felt it

is($t->field('tv', 'since'), $since, 'the stream has gone on');
is(output('spare', 'reconnects'), 0, 'and the other output');
ok($t->wait_flow($w, sub { $_->count('V') > 50 }, 15), 'it is seen');
is(join("\n", $t->watched($w)->steps_over('V', 110)), '', 'all of it');

# what the stream's own buttons say names those that it is sent to

$b->click('.buttons button', 'Stop');
ok($b->wait_text('dialog', qr/Stop\ tv\?.*pushed\ to\ \Q$far\E\/\*\*\*,
                              \ \Q$far\E\/\*\*\*\./sx),
   'of the stream: all it is sent to, none that is stopped');
$b->click('dialog button', 'Cancel');

# one by nginx-rtmp: the stream begins anew

$b->open("$page#/old");
$b->reload;
ok($t->wait_state('old', 'live', 20), 'one by nginx-rtmp');
wait_line('push', qr/\bunknown\b.*by nginx-rtmp/s, 'is not told of');
ok($b->wait_text('.head .chip', qr/^live$/), 'on air');
$b->click(button('Stop output push'));
ok($b->wait_text('dialog', qr/the whole stream begins anew/), 'it is said');
$b->click('dialog button', 'Take it off the air');
wait_line('push', qr/\bstopped\b/, 'stopped');

# what the server refuses is said beside them

$b->script('const f = window.fetch; window.fetch = (path, o) =>'
           . ' f(o && o.method === "POST"'
           . ' ? path.replace("/push/", "/none/") : path, o)');
$b->script('document.querySelector(arguments[0]).click()',
           button('Start output push'));
$b->click('dialog button', 'Break it for a moment')
    if $b->wait_script('return document.querySelector("dialog")', 5);
ok($b->wait_script('return [...document.querySelectorAll(".failure")].some('
                   . '(e) => /no output "none"/.test(e.textContent))', 10),
   'a refusal');

is(join("\n", grep { !/snapshot\.jpg|status of (?:404|503)/ } $b->console), '',
   'a quiet console');

# roles

$b->open($t->base . '/t/#/tv');
$b->wait_text('h1', qr/A token is asked for/);
enter('viewer-token');
wait_line('main', qr/\bup\b/, 'a viewer sees them');
is($b->script('return document.querySelectorAll(".outputs button").length'),
   0, 'and changes none');
$b->click('header button', 'Forget the token');
$b->wait_text('h1', qr/A token is asked for/);
enter('operator-token');
wait_line('main', qr/\bup\b.*Stop/s, 'an operator');
$b->click(button('Start output gone'));
wait_line('gone', qr/\b(?:down|connecting)\b.*Stop/s, 'starts one');

for my $screen ([ 390, 844 ], [ 1280, 800 ]) {
    $b->screen(@$screen);
    ok($b->script('return document.documentElement.scrollWidth'
                  . ' <= innerWidth'), "$screen->[0] wide: fits");
    $b->picture("$ENV{DS_PICTURES}/outputs-$screen->[0].png")
        if $ENV{DS_PICTURES};
}

$b->quit;
$t->finish;
