#!/usr/bin/env perl
# A hidden Markov model of letters: two states, found by the algorithm of Baum and Welch, turn out to be vowels and consonants,
# all but a few; Viterbi's algorithm tells the states of a line.
# tolerance: 0.02 0.002
use strict;
use warnings;
use FindBin qw($Bin);
use List::Util qw(max);
use AI::MXNet qw(mx nd :numpy);

my ($states, $steps) = (2, 80);
mx->random->seed(3);

# the lines of a poem as numbers of letters, all of one length; what is filled up counts for nothing
open my $file, '<', "$Bin/data/poem.txt" or die "poem.txt: $!\n";
my @lines = grep {length} map { lc =~ s/[^a-z]//gr } readline $file;
my $length = max map {length} @lines;
my $letters = nd->array([map { my $line = $_; [map { $_ < length $line ? ord(substr $line, $_, 1) - ord 'a' : 0 } 0 .. $length - 1] } @lines]);
my $lengths = nd->array([map {length} @lines]);
my $is_letter = nd->arange($length)->expand_dims(0) < $lengths->expand_dims(1);    # (lines, length)
my $total = $is_letter->sum->asscalar;
printf "%d lines, %d letters\n", scalar @lines, $total;

# rows add up to 1: where to begin, where to go, which letter to show
sub normalized { my ($x) = @_; return $x / $x->sum(axis => -1, keepdims => 1) }
my $start = normalized(nd->random->uniform(0.9, 1.1, shape => [$states]));
my $transitions = normalized(nd->random->uniform(0.9, 1.1, shape => [$states, $states]));
my $emissions = normalized(nd->random->uniform(0.5, 1.5, shape => [$states, 26]));

# One step: the chances of states and of pairs of them in all lines at once, then the model under which those are likeliest.
sub baum_welch
{
    my $shown = $emissions->T->take($letters);                                      # (lines, length, states)
    my @shown = map { $shown->slice(':', $_)->sever } 0 .. $length - 1;
    my @here  = map { $is_letter->slice(':', [$_, $_ + 1])->sever } 0 .. $length - 1;

    my (@forward, @scale);
    for my $t (0 .. $length - 1) {
        my $chance = ($t ? nd->dot($forward[-1], $transitions) : $start->expand_dims(0)) * $shown[$t];
        push @scale, $chance->sum(axis => 1, keepdims => 1);
        push @forward, $chance / $scale[-1];
    }
    my @backward = (nd->ones([scalar @lines, $states]));
    for my $t (reverse 1 .. $length - 1) {
        my $chance = nd->dot($backward[0] * $shown[$t], $transitions, transpose_b => 1) / $scale[$t];
        unshift @backward, nd->where($here[$t]->broadcast_to([scalar @lines, $states]), $chance, nd->ones_like($chance));
    }
    my $of_states = nd->stack((map { $forward[$_] * $backward[$_] * $here[$_] } 0 .. $length - 1), axis => 1);
    my @pairs = map { nd->dot($forward[$_ - 1], $backward[$_] * $shown[$_] / $scale[$_] * $here[$_], transpose_a => 1) } 1 .. $length - 1;

    $start = normalized($of_states->slice(':', 0)->sum(axis => 0));
    $transitions = normalized($transitions * nd->add_n(@pairs));
    $emissions = normalized(nd->dot($of_states->reshape([-1, $states]), $letters->reshape([-1])->one_hot(26), transpose_a => 1));
    return (nd->concat(@scale, dim => 1)->log * $is_letter)->sum;
}

my $log_likelihood;
for my $step (1 .. $steps) {
    $log_likelihood = baum_welch();
    printf "step %2d: %.3f per letter\n", $step, $log_likelihood->asscalar / $total if $step == 1 or $step % 20 == 0;
}

# the state in which a letter is likelier
my @state_of = $emissions->argmax(axis => 0)->tolist;
my %count;
$count{$_}++ for split //, join '', @lines;
my $of_e = $state_of[4];
print 'letters of the state of e: ', join(' ', grep { $state_of[ord($_) - ord 'a'] == $of_e } sort keys %count), "\n";
my $right = 0;
$right += $count{$_} for grep { ($state_of[ord($_) - ord 'a'] == $of_e) == /[aeiou]/ } keys %count;
printf "%.1f %% of the letters are told as vowels and consonants\n", 100 * $right / $total;
printf "from a vowel to a vowel %.2f, from a consonant to a vowel %.2f\n", map { $transitions->slice($_, $of_e)->asscalar } $of_e, 1 - $of_e;

# The likeliest states of a line, and the logarithm of their probability.
sub viterbi
{
    my ($line) = @_;
    my $shown = $emissions->log->T->take(nd->array([map { ord($_) - ord 'a' } split //, $line]));
    my $best = $start->log + $shown->slice(0);
    my @from;
    for my $t (1 .. $shown->len - 1) {
        my $ways = $best->expand_dims(1) + $transitions->log;
        push @from, $ways->argmax(axis => 0);
        $best = $ways->max(axis => 0) + $shown->slice($t);
    }
    my @path = ($best->argmax(axis => 0)->asscalar);
    unshift @path, $_->slice($path[0])->asscalar for reverse @from;
    return (\@path, $best->max->asscalar);
}
my ($path, $probability) = viterbi($lines[0]);
print "$lines[0]\n", join('', map { $_ == $of_e ? 'o' : '-' } @$path), "\n";
printf "logarithm of the probability %.2f\n", $probability;

# Of a short word, all sequences of states can be tried.
my $word = 'network';
my $count = 2**length $word;
my $states_of = nd->stack((map { (nd->arange($count) / 2**$_)->floor % 2 } 0 .. length($word) - 1), axis => 1);    # (sequences, letters)
my $every = $start->log->take($states_of->slice(':', 0));
for my $t (0 .. length($word) - 1) {
    my $here = $states_of->slice(':', $t);
    $every = $every + $transitions->log->reshape([-1])->take($states_of->slice(':', $t - 1) * 2 + $here) if $t;
    $every = $every + $emissions->log->slice(':', ord(substr $word, $t, 1) - ord 'a')->take($here);
}
printf "%s: %.4f is the best of %d sequences, Viterbi's is %.4f\n", $word, $every->max->asscalar, $count, (viterbi($word))[1];
