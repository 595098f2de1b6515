"""What raters said of the utterances: tables that publishers ship beside the audio, in their own formats."""
