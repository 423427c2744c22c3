# Not yet tried. `Utils/make-packages formula` fills in the address, the archive and its sum.
class Norma < Formula
  desc "Batch normalization and its networks, trained and explained"
  homepage "@ADDRESS@"
  url "@ADDRESS@/@ARCHIVE@"
  sha256 "@SUM@"
  license "Apache-2.0"

  depends_on xcode: ["26.4", :build]
  depends_on "jpeg-turbo"
  depends_on "libpng"
  depends_on macos: :sequoia

  uses_from_macos "python" => :build

  def install
    system "swift", "build", "--disable-sandbox", "-c", "release", "--product", "norma",
      *["libpng", "jpeg-turbo"].flat_map { |name|
        ["-Xcc", "-I#{Formula[name].opt_include}", "-Xlinker", "-L#{Formula[name].opt_lib}"]
      }
    bin.install ".build/release/norma"
    generate_completions_from_executable(bin/"norma", "--generate-completion-script")
    system "Utils/make-manual", bin/"norma", "share"
    man1.install Dir["share/man/man1/*.1"]
  end

  test do
    assert_equal version.to_s, shell_output("#{bin}/norma --version").strip
    assert_match "0.2037", shell_output("#{bin}/norma explain")
  end
end
