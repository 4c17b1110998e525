package DirectStream::Schema;

# Checks what an HTTP API says against its OpenAPI 3.1 description: status,
# content type and body.  The part of JSON Schema that the description uses;
# any other keyword is an error, so that none is passed over.  An object that
# does not say otherwise has no properties but those that are described.

use strict;
use warnings;

use B ();


# those that restrict nothing
my %note = map { $_ => 1 } qw(
    title description default example examples deprecated readOnly writeOnly
    contentMediaType contentEncoding contentSchema
);

my %format = (
    'date-time' =>
        qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/,
    'uri' => qr/^[a-z][a-z0-9+.-]*:\S+$/,
    'uri-reference' => qr/^\S*$/,
    'binary' => qr/^/,
);


sub new {
    my ($class, $doc) = @_;

    return bless { doc => $doc }, $class;
}


sub deref {
    my ($self, $node) = @_;

    while (ref $node eq 'HASH' && exists $node->{'$ref'}) {
        my $ref = $node->{'$ref'};
        $node = $self->{doc};

        my ($path) = $ref =~ m{^#/(.+)$} or die "\$ref $ref is not local\n";

        for my $key (split m{/}, $path) {
            $key =~ s{~1}{/}g;
            die "\$ref $ref leads nowhere\n"
                unless ref $node eq 'HASH' && exists $node->{$key};
            $node = $node->{$key};
        }
    }

    return $node;
}


sub type_of {
    my ($value) = @_;

    return 'null' unless defined $value;
    return 'array' if ref $value eq 'ARRAY';
    return 'object' if ref $value eq 'HASH';
    return 'boolean' if ref $value;

    my $flags = B::svref_2object(\$value)->FLAGS;

    return 'string' if $flags & B::SVf_POK;
    return 'integer' if $flags & B::SVf_IOK || $value == int $value;
    return 'number';
}


sub same {
    my ($value, $want) = @_;

    return !defined $value && !defined $want
        unless defined $value && defined $want;
    return type_of($value) eq type_of($want) && "$value" eq "$want";
}


# what is wrong with a value, each with where; nothing when it is right
sub check {
    my ($self, $value, $schema, $at) = @_;

    $at = '$' unless defined $at;
    $schema = $self->deref($schema);

    my @faults;
    my $type = type_of($value);

    for my $key (sort keys %$schema) {
        next if $note{$key};

        my $method = $self->can("key_$key")
            or die "$at: keyword \"$key\" is not known\n";

        push @faults, $self->$method($schema->{$key}, $value, $at, $type,
                                     $schema);
    }

    if ($type eq 'object' && $schema->{properties}
        && !exists $schema->{additionalProperties})
    {
        push @faults, $self->key_additionalProperties(0, $value, $at, $type,
                                                      $schema);
    }

    return @faults;
}


sub key_type {
    my ($self, $want, $value, $at, $type) = @_;

    my @want = ref $want ? @$want : ($want);

    return if grep { $_ eq $type || ($_ eq 'number' && $type eq 'integer') }
              @want;
    return "$at: is of type $type, not " . join ' or ', @want;
}


sub key_const {
    my ($self, $want, $value, $at) = @_;
    return same($value, $want) ? () : "$at: is not \"$want\"";
}


sub key_enum {
    my ($self, $want, $value, $at) = @_;

    return if grep { same($value, $_) } @$want;
    return "$at: \"" . (defined $value ? $value : 'null')
        . '" is not one of those described';
}


sub key_required {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'object';
    return map { "$at: \"$_\" is missing" } grep { !exists $value->{$_} }
                                            @$want;
}


sub key_properties {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'object';
    return map { $self->check($value->{$_}, $want->{$_}, "$at.$_") }
           grep { exists $value->{$_} } sort keys %$want;
}


sub key_additionalProperties {
    my ($self, $want, $value, $at, $type, $schema) = @_;

    return unless $type eq 'object';

    my @more = grep { !exists $schema->{properties}{$_} } sort keys %$value;

    return map { $self->check($value->{$_}, $want, "$at.$_") } @more
        if ref $want eq 'HASH';
    return $want ? () : map { "$at: \"$_\" is not described" } @more;
}


sub key_items {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'array';
    return map { $self->check($value->[$_], $want, "$at\[$_]") }
           0 .. $#$value;
}


sub key_oneOf {
    my ($self, $want, $value, $at) = @_;

    my @tries = map { [ $self->check($value, $_, $at) ] } @$want;
    my $n = grep { !@$_ } @tries;

    return if $n == 1;
    return "$at: fits $n of oneOf: " . join '; ', map { @$_ } @tries;
}


sub key_anyOf {
    my ($self, $want, $value, $at) = @_;

    my @tries = map { [ $self->check($value, $_, $at) ] } @$want;

    return if grep { !@$_ } @tries;
    return "$at: fits none of anyOf: " . join '; ', map { @$_ } @tries;
}


sub key_minimum {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type =~ /^(?:integer|number)$/;
    return $value >= $want ? () : "$at: $value is less than $want";
}


sub key_maximum {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type =~ /^(?:integer|number)$/;
    return $value <= $want ? () : "$at: $value is more than $want";
}


sub key_minLength {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'string';
    return length $value >= $want ? () : "$at: is shorter than $want";
}


sub key_maxLength {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'string';
    return length $value <= $want ? () : "$at: is longer than $want";
}


sub key_maxItems {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'array';
    return @$value <= $want ? () : "$at: has more than $want items";
}


sub key_pattern {
    my ($self, $want, $value, $at, $type) = @_;

    return unless $type eq 'string';
    return $value =~ /$want/ ? () : "$at: does not match $want";
}


sub key_format {
    my ($self, $want, $value, $at, $type) = @_;

    my $re = $format{$want} or die "$at: format \"$want\" is not known\n";

    return unless $type eq 'string';
    return $value =~ $re ? () : "$at: \"$value\" is no $want";
}


# the operation that a path belongs to: ($template, $operation)
sub operation {
    my ($self, $method, $path) = @_;

    $path =~ s/\?.*//;

    for my $template (sort keys %{ $self->{doc}{paths} }) {
        (my $re = quotemeta $template) =~ s/\\\{\w+\\\}/[^\/]+/g;
        next unless $path =~ /^$re$/;

        return ($template, $self->{doc}{paths}{$template}{lc $method});
    }

    return;
}


# what is wrong with an answer; "data" is its decoded body
sub answer {
    my ($self, $method, $path, $r, $data) = @_;

    my ($template, $op) = $self->operation($method, $path);

    return "$method $path: is not described" unless $op;

    my $answer = $op->{responses}{ $r->{status} }
        or return "$method $template: $r->{status} is not described";

    $answer = $self->deref($answer);

    my $type = $r->{headers}{'content-type'};
    my $content = $answer->{content};

    if (!$content) {
        return () unless length($r->{content} || '');
        return "$method $template: $r->{status} has a body";
    }

    ($type) = (defined $type ? $type : '') =~ /^([^;]*)/;

    my $media = $content->{$type}
        or return "$method $template: $r->{status} of type \"$type\" is not "
                  . 'described';

    return map { "$method $template: $r->{status}: $_" }
           $self->headers($answer, $r),
           $type =~ /json$/ ? $self->check($data, $media->{schema} || {})
                            : ();
}


sub headers {
    my ($self, $answer, $r) = @_;

    my $want = $answer->{headers} || {};

    return map { "header $_ is missing" }
           grep { !defined $r->{headers}{lc $_} } sort keys %$want;
}


# what is wrong with a request's body
sub request {
    my ($self, $method, $path, $body) = @_;

    my ($template, $op) = $self->operation($method, $path);

    return "$method $path: is not described" unless $op;

    my $want = $op->{requestBody};

    return $body ? "$method $template: has no body" : () unless $want;

    return map { "$method $template: $_" }
           $self->check($body, $want->{content}{'application/json'}{schema});
}


# what is wrong with the description itself
sub faults {
    my ($self) = @_;

    my @found;
    my @nodes = ([ '#', $self->{doc} ]);

    while (my $n = shift @nodes) {
        my ($at, $node) = @$n;

        if (ref $node eq 'ARRAY') {
            push @nodes, map { [ "$at/$_", $node->[$_] ] } 0 .. $#$node;
            next;
        }

        next unless ref $node eq 'HASH';

        if (exists $node->{'$ref'} && !ref $node->{'$ref'}
            && !eval { $self->deref($node); 1 })
        {
            push @found, "$at: $@";
        }

        if (ref $node->{required} eq 'ARRAY') {
            push @found, map { "$at: \"$_\" is required, not described" }
                grep { !exists $node->{properties}{$_} }
                @{ $node->{required} };
        }

        push @nodes, map { [ "$at/$_", $node->{$_} ] } sort keys %$node;
    }

    return @found;
}


1;
