#!/usr/bin/perl

# docs/ and the sources name the same directives, routes and codes.

use FindBin;
use lib "$FindBin::Bin/lib";
use DirectStream::Test;


my $t = DirectStream::Test->new;
my $root = $DirectStream::Test::ROOT;


sub all_of {
    return join "\n", map { $t->read_file($_) } @_;
}


sub same {
    my ($what, $code, $text) = @_;

    my %code = map { $_ => 1 } @$code;
    my %text = map { $_ => 1 } @$text;

    cmp_ok(scalar keys %code, '>', 0, "$what: some were found");
    is(join(' ', sort grep { !$text{$_} } keys %code), '',
       "$what: all are in docs");
    is(join(' ', sort grep { !$code{$_} } keys %text), '',
       "$what: docs have no other");
}


sub page {
    return $t->read_file("$root/docs/$_[0].md");
}


SKIP: {
    skip 'no docs', 1 unless -d "$root/docs";

    # directives

    my $glue = all_of(glob("$root/ngx_directstream*.c"),
                      glob("$root/src/nginx/ngx_*.c"));

    my %directive = map { $_ => 1 }
        $glue =~ /\{\s*ngx_string\("(\w+)"\),\s*\n\s*NGX_(?:\w*CONF)/g;

    my ($index, $section) = page('directives') =~ /\A(.*?)^(## .*)\z/ms;
    my @heads = $section =~ /^## (.+)$/mg;

    same('directives', [ keys %directive ], \@heads);

    is("@heads", join(' ', sort @heads),
       'directives are in alphabetical order');

    my @part = $section =~ /^## .+?\n(.*?)(?=^## |\z)/msg;
    is(scalar(grep { !/\*\*Syntax:\*\*/ || !/\*\*Default:\*\*/
                     || !/\*\*Context:\*\*/ } @part), 0,
       'each with syntax, default, context');

    my @rows = map {
        my ($default, $context) = $part[$_]
            =~ /\*\*Default:\*\* (.*?)\\\n\*\*Context:\*\* (.*)/;
        "| [$heads[$_]](#$heads[$_]) | $default | $context |";
    } 0 .. $#heads;

    is(join("\n", map { s/ [\d.]+ \|$//r } $index =~ /^(\| \[.*)$/mg),
       join("\n", @rows), 'the index has the same, and since when');

    # codes of errors

    my ($errors) = $t->read_file("$root/src/ds.h")
                   =~ /^#define DS_ERRORS.*?[^\\]\n\n/ms
                   ? $& : '';
    my @codes = grep { $_ ne 'canceled' } $errors =~ /X\(\w+, "(\w+)"\)/g;

    my ($table) = page('errors')
        =~ /^\| code \| meaning \| what to do \|\n(.*?)\n\n/ms;
    my @shown = map { /`(\w+)`/g } map { (split /\|/)[1] } split /\n/, $table;
    shift @shown if @shown && !defined $shown[0];

    same('codes', \@codes, \@shown);

    # routes, of the description and of docs

    my $api = JSON::PP->new->decode(
        $t->read_file("$root/src/nginx/openapi.json"));
    my @routes;

    for my $path (keys %{ $api->{paths} }) {
        for my $method (keys %{ $api->{paths}{$path} }) {
            next unless $method =~ /^(?:get|put|post|patch|delete)$/;

            (my $p = "api$path") =~ s{^api/api/}{api/};
            push @routes, uc($method) . " $p";
        }
    }

    @rows = page('api') =~ m{^\|\ `((?:GET|POST|PATCH|DELETE)\ .*?)\s*\|\s}mgx;
    my @told;

    for my $row (@rows) {
        my ($method, $path) = $row =~ m{^(\w+) ([^`?]+)};
        $path =~ s/\s+$//;

        # `POST x/{name}/start` `stop` ...
        push @told, "$method $path";
        (my $base = $path) =~ s{/[^/]+$}{};
        push @told, map { "$method $base/$_" } $row =~ /` `(\w+)/g;
    }

    if (grep { /\{action\}|\{command\}/ } @routes) {
        @routes = map {
            my $r = $_;
            $r =~ /\{(?:action|command)\}/
                ? map { (my $x = $r) =~ s/\{(?:action|command)\}/$_/; $x }
                      qw(start stop restart skip previous)
                : $r
        } @routes;
    }

    same('routes', \@routes, \@told);
}

$t->finish;
