import Testing

/// Command lines that ask for what does not exist or does not fit together: exit status 64.
struct WrongUsageTests {
  private static let commandLines: [(arguments: String, words: String)] = [
    ("fly", "fly"),
    ("train --fly", "--fly"),
    ("train --data moon", "'moon' names no source of data"),
    ("train --data mnist", "mnist:PATH"),
    ("train --data digits --label 3", "csv:FILE"),
    ("train --validation 1.5", "--validation"),
    ("train --validation 100000", "1797"),
    ("train --standardize row", "--standardize"),
    ("train --model cnn", "mlp:"),
    ("train --model mlp:0", "'0'"),
    ("train --model mlp:10,,10", "''"),
    ("train --model mlp:16777216,16777216", "parameters"),
    ("compare --model mlp:16777216,16777216", "parameters"),
    ("train --activation step", "step"),
    ("train --norm group", "group"),
    ("train --norm=", "--norm"),
    ("train --init small", "--init"),
    ("train --init normal:x", "--init"),
    ("train --keep 0", "--keep"),
    ("train --epochs 0", "--epochs"),
    ("train --epochs many", "many"),
    ("train --batch-size 0", "--batch-size"),
    ("train --batch-size 1", "--batch-size takes 2 or more"),
    ("train --optimizer lion", "lion"),
    ("train --learning-rate 0", "--learning-rate"),
    ("train --learning-rate nan", "--learning-rate"),
    ("train --optimizer momentum --momentum 1", "--momentum"),
    ("train --momentum 0.5", "--optimizer momentum"),
    ("train --weight-decay 0.1", "--optimizer adamw"),
    ("train --schedule linear", "--schedule"),
    ("train --schedule step:0:0.1", "--schedule step"),
    ("train --warm-up 11", "--warm-up"),
    ("train --l2 -1", "--l2"),
    ("train --l2 inf", "--l2"),
    ("train --loss hinge", "hinge"),
    ("train --patience 0", "--patience"),
    ("train --threads 0", "--threads"),
    ("train --threads 5000", "--threads"),
    ("train --seed -1", "--seed"),
    ("train --loss meanSquaredError", "--loss meanSquaredError is for numbers"),
    ("compare --norm none,none", "twice"),
    ("compare --norm none,", "''"),
    ("compare --norm=", "--norm"),
    ("compare --target high", "--target"),
    ("compare --validation 0", "--validation"),
    ("compare --batch-size 1", "--batch-size takes 2 or more"),
    ("evaluate", "<model>"),
    ("evaluate m --threads 0", "--threads"),
    ("evaluate m --data moon", "moon"),
    ("predict m", "--data"),
    ("predict m - --data digits", "--data"),
    ("predict m - --rows 3-1", "--rows"),
    ("predict m - --rows=-1", "--rows"),
    ("predict m - --top 0", "--top"),
    ("inspect", "<model>"),
    ("explain --epsilon -1", "--epsilon"),
    ("explain --values 1;2 batch.csv", "not both"),
    ("explain --values 1,2;3", "row 2"),
    ("explain --values 1,2;3,x", "row 2, column 2"),
    ("explain --values 1,2;3,nan", "'nan'"),
    ("explain --values 1,2;3,", "row 2, column 2"),
    ("explain --values 1,2", "no variance"),
    ("explain --values ;", "no numbers"),
    ("explain --values 1e300;-1e300", "too large"),
    ("explain --values 5;5 --epsilon 0", "--epsilon 0"),
    ("explain --gamma 1,2,3", "2 numbers"),
    ("explain --beta 1", "2 numbers"),
    ("explain --gradient 1,2;3,4", "4 rows"),
  ]

  @Test(arguments: commandLines.indices)
  func aWrongCommandLineIsRefusedInOneMessage(index: Int) throws {
    let (arguments, words) = Self.commandLines[index]
    let folder = try Folder()
    let parts = arguments.split(separator: " ").map(String.init)
    let outcome = try Norma.run(parts, directory: folder.url)
    expectFailure(outcome, status: 64, saying: words)
  }
}
