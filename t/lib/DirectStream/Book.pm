package DirectStream::Book;

# The book as text: README.md and the pages of docs/, their headings, links
# and blocks, and the configuration that a block of nginx.conf makes.

use strict;
use warnings;


# the pages by their names, README.md first
sub new {
    my ($class, $root) = @_;

    my %page;

    for my $name ('README.md', map { s{.*/docs/}{docs/}r }
                                   glob "$root/docs/*.md")
    {
        open my $fh, '<:utf8', "$root/$name" or die "$name: $!\n";
        local $/;
        $page{$name} = <$fh>;
    }

    return bless { root => $root, page => \%page }, $class;
}


# "README.md", then the others in the order of docs/README.md
sub pages {
    my ($self) = @_;

    my %seen;
    my @order = map { "docs/$_" } grep { !$seen{$_}++ }
                $self->{page}{'docs/README.md'} =~ /\]\((\w[\w-]*\.md)\)/g;

    return ('README.md', 'docs/README.md', @order);
}


sub text {
    my ($self, $page) = @_;
    return $self->{page}{$page};
}


# without what is in blocks
sub prose {
    my ($self, $page) = @_;
    return $self->{page}{$page} =~ s/^```.*?^```$//msgr;
}


sub anchors {
    my ($self, $page) = @_;

    my (%seen, @anchors);

    for my $heading ($self->prose($page) =~ /^#+ (.+)$/mg) {
        my $anchor = lc $heading;

        $anchor =~ s/[^\w\- ]//g;
        $anchor =~ s/ /-/g;
        push @anchors, $seen{$anchor} ? "$anchor-$seen{$anchor}" : $anchor;
        $seen{$anchor}++;
    }

    return @anchors;
}


# blocks of a language: { page, line, word, text }
sub blocks {
    my ($self, $language) = @_;

    my @blocks;

    for my $page ($self->pages) {
        my $text = $self->{page}{$page};

        while ($text =~ /^```\Q$language\E(?: (\w+))?\n(.*?)^```$/msg) {
            my ($word, $body) = ($1, $2);
            my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);

            push @blocks, { page => $page, line => $line, word => $word,
                            text => $body };
        }
    }

    return @blocks;
}


# where a block of nginx.conf belongs
sub place {
    my ($self, $block) = @_;

    return $block->{word} if defined $block->{word};
    return 'whole' if $block->{text} =~ /^events\b/m;

    my ($first) = $block->{text} =~ /^\s*(\w+)/;
    my ($contexts) = $self->{page}{'docs/directives.md'}
        =~ /^\| \[\Q$first\E\]\(.*\| ([\w, ]+) \| [\d.]+ \|$/m;

    return defined $contexts ? (split /, /, $contexts)[0] : undef;
}


# commands of a block "console" and what they print: [ command, [ lines ] ]
sub commands {
    my ($class, $text) = @_;

    my @commands;
    my $open = 0;

    for my $line (split /\n/, $text) {
        if ($open) {
            $commands[-1][0] .= "\n$line";

        } elsif ($line =~ /^[\$#] (.*)/) {
            push @commands, [ $1, [] ];

        } else {
            push @{ $commands[-1][1] }, $line if @commands;
            next;
        }

        my $command = $commands[-1][0];
        $open = $command =~ /\\\z/ || ($command =~ tr/'//) % 2
                || ($command =~ s/'[^']*'//gr =~ tr/"//) % 2;
    }

    return @commands;
}


1;
