"""What the recipes share: training loops, teachers, baselines to beat, and the cards of what came out."""
