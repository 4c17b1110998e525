#!/usr/bin/perl

# openapi.json by redocly's rules, without one that is left out.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;

use DirectStream::Npm;


my ($modules, $why) = DirectStream::Npm->install('@redocly/cli', '2.77.0');

plan(skip_all => $why) unless $modules;

$ENV{REDOCLY_TELEMETRY} = 'off';
$ENV{REDOCLY_SUPPRESS_UPDATE_NOTICE} = 'true';

my $t = DirectStream::Test->new;
my $redocly = "$modules/.bin/redocly";
my ($version) = `'$redocly' --version 2>&1` =~ /^(\d+\.\d+\.\d+)\s*$/m;

if (!$version) {
    ok(1, 'redocly # SKIP this node is too old for it');
    $t->finish;
    exit;
}


# without a file of its own in the directory it has no other rules

sub lint {
    my ($file) = @_;

    my $dir = $t->dir;
    my $out = `cd '$dir' && timeout 60 '$redocly' lint --format=json \\
               --extends=recommended '$file' 2>'$dir/redocly'`;
    my $found = eval { $t->{json}->decode($out) }
        or return "no answer: $out" . $t->read_file('redocly');

    return join "\n", map { "$_->{ruleId}: $_->{message} "
                            . $_->{location}[0]{pointer} }
                      @{ $found->{problems} };
}

my $file = "$DirectStream::Test::ROOT/src/nginx/openapi.json";
my $doc = $t->{json}->decode($t->read_file($file));

is(lint($file), '', "openapi.json, by redocly $version");

# it is seen to find something

delete $doc->{security};
like(lint($t->write_file('bad.json', $t->{json}->encode($doc))),
     qr/security-defined/, 'what is wrong is found');

$t->finish;
