#!/usr/bin/perl

# The schedule on the page: a slot is made, checked and saved, an item queued,
# and both air; the day is shown as a time line; what is wrong is said; not to
# be changed by who may only look, nor where the file has it.

use utf8;

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use POSIX ();

use DirectStream::Browser;


my $missing = DirectStream::Browser->missing;
plan(skip_all => "there is no $missing") if $missing;

binmode $_, ':utf8' for map { Test::More->builder->$_ }
    qw(output failure_output);

my $t = DirectStream::Test->new;
my $dir = $t->dir;

mkdir "$dir/logs";
chmod 0777, "$dir/logs";

sub titled {
    my ($name, $file, $n) = @_;
    return $t->plain_list($name, map {
        { url => $t->media_url("$file?$name$_"), title => "$name $_",
          id => "$name-$_", duration => 2 }
    } 0 .. $n - 1);
}

my $base = titled('base', 'two.mp4', 30);
my $news = titled('news', 'a.mp4', 5);

$t->near(directstream => "directstream_log $dir/logs/asrun.log json;\n"
    . "stream fixed { playlist $base; schedule timezone=UTC {"
    . " slot 20:00 playlist=$news start=hard until=20:30; } }",
         http => 'location /ro/ { directstream_admin; }');

is(($t->create('tv', $base))[0], 201, 'a stream');
ok($t->wait_state('tv', 'live', 20), 'on air');

my $page = $t->base . '/directstream/';
my $b = DirectStream::Browser->new($t);

$b->open("$page#/tv");
ok($b->wait_text('.timeline', qr/list\s+“base \d+”/), 'what would air');
is($b->text('.conflicts'), '', 'no conflict');
ok($b->script('return document.querySelector(".strip > span") !== null'),
   'as a line');

$b->click('button', 'Next day');
ok($b->wait_script('return document.querySelector(".plan [role=status]")'
                   . '.textContent !== "Today"', 20, 'another day'),
   'tomorrow');
$b->click('button', 'Previous day');
ok($b->wait_text('.plan [role=status]', qr/^Today$/), 'and back');


# a slot

$b->click('.slots summary', 'Change');
ok($b->wait_script('return document.querySelector("#slots").value !== ""',
                   20, 'the text'), 'what there is');

$b->type('#slot-at', '25:00');
$b->type('#slot-playlist', $news);
$b->click('.slots button', 'Add the slot');
$b->click('.slots button', 'Check');
ok($b->wait_text('#slots-failure', qr/^slots\[0\]\.at: /), 'what is wrong');
is($b->script('return document.activeElement.id'), 'slots', 'and where');
$b->click('.slots button', 'Discard');
ok($b->wait_script('return !document.querySelector("#slots").value'
                   . '.includes("25:00")', 20, 'discarded'), 'is gone');

my $at = int(time) + 8;
my $clock = POSIX::strftime('%H:%M:%S', gmtime $at);

$b->script('document.querySelector("#slots").value = JSON.stringify('
           . '{timezone: "UTC", prepare: 20})');
$b->type('#slot-at', $clock);
$b->script('document.querySelector("#slot-start").value = "hard"');
$b->click('.slots button', 'Add the slot');
$b->click('.slots button', 'Check');
ok($b->wait_text('.timeline', qr/\Q$clock\E\s+“news 0”/), 'where it would be');
is(scalar @{ ($t->api('GET', 'api/1/streams/tv/schedule'))[1]{slots} || [] }, 0,
   'it is not saved');
$b->click('.slots button', 'Save');
ok($t->wait_for(sub {
    my $s = ($t->api('GET', 'api/1/streams/tv/schedule'))[1]{slots};
    return $s && @$s == 1 && $s->[0]{at} eq $clock;
}, 10), 'saved');

$b->click('.slots button', 'Save');
ok($b->wait_text('.slots [role=status]', qr/^Saved/), 'and once more');

# someone else changes it meanwhile

$t->api('PATCH', 'api/1/streams/tv', { max_item_duration => 3600 });
$b->click('.slots button', 'Save');
ok($b->wait_text('#slots-failure', qr/Discard shows how it is now/),
   'a change of somebody else is not lost');


# and an item

$b->type('#queue-url', $t->media_url('c.mp4?queued'));
$b->click('.queue-form button', 'Queue');

my @run;

ok($t->wait_for(sub {
    @run = grep { $_->{stream} eq 'tv' }
               map { JSON::PP::decode_json($_) }
               split /\n/, $t->read_file('logs/asrun.log');
    return (grep { ($_->{slot} // '') eq $clock } @run)
           && (grep { $_->{queue_id} } @run);
}, 40), 'both have aired') or diag(explain(\@run));

my ($slot) = grep { ($_->{slot} // '') eq $clock } @run;
is($slot->{title}, 'news 0', 'the slot with its item');


# where the file has it, and who may only look

$b->open("$page#/fixed");
ok($b->wait_text('.timeline', qr/base/), 'one of the file');
like($b->text('.plan'), qr/defined in the configuration file/, 'says so');
is($b->script('return document.querySelector(".slots").checkVisibility()'),
   JSON::PP::false, 'there is no form');

$b->open($t->base . '/ro/#/tv');
$b->reload;
ok($b->wait_text('.timeline', qr/base|news/), 'read-only: the time line');
is($b->script('return document.querySelectorAll(".slots").length'), 0,
   'and no form');
is(join("\n", grep { !/40[0-9]|412/ } $b->console), '',
   'nothing on the console');

$b->quit;
$t->finish;
