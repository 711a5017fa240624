// Which characters a joiner (U+200C, U+200D) may stand beside, as parts of a
// character class with the flag v or u: Unicode 17.0, IndicSyllabicCategory.txt
// and DerivedJoiningType.txt. JavaScript's \p{…} has neither property.

/** Indic_Syllabic_Category = Virama, Invisible_Stacker, Pure_Killer or Reordering_Killer. */
export const VIRAMAS = [
  String.raw`\u{94d}\u{9cd}\u{a4d}\u{acd}\u{b4d}\u{bcd}\u{c4d}\u{ccd}\u{d3b}\u{d3c}\u{d4d}\u{dca}`,
  String.raw`\u{e3a}\u{e4e}\u{eba}\u{f84}\u{1039}\u{103a}\u{1714}\u{1715}\u{1734}\u{17d1}\u{17d2}`,
  String.raw`\u{1a60}\u{1a7a}\u{1b44}\u{1baa}\u{1bab}\u{1bf2}\u{1bf3}\u{a806}\u{a82c}\u{a8c4}`,
  String.raw`\u{a953}\u{a9c0}\u{aaf6}\u{abed}\u{10a3f}\u{11046}\u{11070}\u{110b9}`,
  String.raw`\u{11133}\u{11134}\u{111c0}\u{11235}\u{112ea}\u{1134d}\u{113ce}-\u{113d0}\u{11442}`,
  String.raw`\u{114c2}\u{115bf}\u{1163f}\u{116b6}\u{1172b}\u{11839}\u{1193d}\u{1193e}\u{119e0}`,
  String.raw`\u{11a34}\u{11a47}\u{11a99}\u{11c3f}\u{11d44}\u{11d45}\u{11d97}\u{11f41}\u{11f42}`,
  String.raw`\u{1612f}\u{16d6b}\u{16d6c}`,
].join('');

/** Indic_Syllabic_Category = Vowel_Dependent or Register_Shifter, where it is a mark. */
export const DEPENDENT_SIGNS = [
  String.raw`\u{93a}\u{93b}\u{93e}-\u{94c}\u{94e}\u{94f}\u{955}-\u{957}\u{962}\u{963}`,
  String.raw`\u{9be}-\u{9c4}\u{9c7}\u{9c8}\u{9cb}\u{9cc}\u{9d7}\u{9e2}\u{9e3}\u{a3e}-\u{a42}`,
  String.raw`\u{a47}\u{a48}\u{a4b}\u{a4c}\u{abe}-\u{ac5}\u{ac7}-\u{ac9}\u{acb}\u{acc}`,
  String.raw`\u{ae2}\u{ae3}\u{b3e}-\u{b44}\u{b47}\u{b48}\u{b4b}\u{b4c}\u{b55}-\u{b57}`,
  String.raw`\u{b62}\u{b63}\u{bbe}-\u{bc2}\u{bc6}-\u{bc8}\u{bca}-\u{bcc}\u{bd7}\u{c3e}-\u{c44}`,
  String.raw`\u{c46}-\u{c48}\u{c4a}-\u{c4c}\u{c55}\u{c56}\u{c62}\u{c63}\u{cbe}-\u{cc4}`,
  String.raw`\u{cc6}-\u{cc8}\u{cca}-\u{ccc}\u{cd5}\u{cd6}\u{ce2}\u{ce3}\u{d3e}-\u{d44}`,
  String.raw`\u{d46}-\u{d48}\u{d4a}-\u{d4c}\u{d57}\u{d62}\u{d63}\u{dcf}-\u{dd4}\u{dd6}`,
  String.raw`\u{dd8}-\u{ddf}\u{df2}\u{df3}\u{e31}\u{e34}-\u{e39}\u{e47}\u{eb1}\u{eb4}-\u{eb9}`,
  String.raw`\u{ebb}\u{f71}-\u{f7d}\u{f80}\u{f81}\u{102b}-\u{1035}\u{1056}-\u{1059}\u{1062}`,
  String.raw`\u{1067}\u{1068}\u{1071}-\u{1074}\u{1083}-\u{1086}\u{109c}\u{109d}\u{1712}\u{1713}`,
  String.raw`\u{1732}\u{1733}\u{1752}\u{1753}\u{1772}\u{1773}\u{17b6}-\u{17c5}\u{17c8}-\u{17ca}`,
  String.raw`\u{1920}-\u{1928}\u{193a}\u{1a17}-\u{1a1b}\u{1a61}-\u{1a73}\u{1b35}-\u{1b43}`,
  String.raw`\u{1ba4}-\u{1ba9}\u{1be7}-\u{1bef}\u{1c26}-\u{1c2c}\u{a802}\u{a823}-\u{a827}`,
  String.raw`\u{a8b5}-\u{a8c3}\u{a8ff}\u{a947}-\u{a94e}\u{a9b4}-\u{a9bc}\u{a9e5}\u{aa29}-\u{aa32}`,
  String.raw`\u{aab0}\u{aab2}-\u{aab4}\u{aab7}\u{aab8}\u{aabe}\u{aaeb}-\u{aaef}\u{abe3}-\u{abea}`,
  String.raw`\u{10a01}-\u{10a03}\u{10a05}\u{10a06}\u{10a0c}\u{10a0d}\u{11038}-\u{11045}`,
  String.raw`\u{11073}\u{11074}\u{110b0}-\u{110b8}\u{110c2}\u{11127}-\u{11132}\u{11145}\u{11146}`,
  String.raw`\u{111b3}-\u{111bf}\u{111cb}\u{111cc}\u{111ce}\u{1122c}-\u{11233}\u{11241}`,
  String.raw`\u{112e0}-\u{112e8}\u{1133e}-\u{11344}\u{11347}\u{11348}\u{1134b}\u{1134c}\u{11357}`,
  String.raw`\u{11362}\u{11363}\u{113b8}-\u{113c0}\u{113c2}\u{113c5}\u{113c7}-\u{113c9}`,
  String.raw`\u{11435}-\u{11441}\u{114b0}-\u{114be}\u{115af}-\u{115b5}\u{115b8}-\u{115bb}`,
  String.raw`\u{115dc}\u{115dd}\u{11630}-\u{1163c}\u{11640}\u{116ad}-\u{116b5}\u{11720}-\u{1172a}`,
  String.raw`\u{1182c}-\u{11836}\u{11930}-\u{11935}\u{11937}\u{11938}\u{119d1}-\u{119d7}`,
  String.raw`\u{119da}-\u{119dd}\u{119e4}\u{11a01}-\u{11a0a}\u{11a51}-\u{11a5b}`,
  String.raw`\u{11b60}-\u{11b67}\u{11c2f}-\u{11c36}\u{11c38}-\u{11c3b}\u{11cb0}-\u{11cb4}`,
  String.raw`\u{11d31}-\u{11d36}\u{11d3a}\u{11d3c}\u{11d3d}\u{11d3f}\u{11d43}\u{11d8a}-\u{11d8e}`,
  String.raw`\u{11d90}\u{11d91}\u{11d93}\u{11d94}\u{11ef3}-\u{11ef6}\u{11f34}-\u{11f3a}`,
  String.raw`\u{11f3e}-\u{11f40}\u{1611e}-\u{16129}`,
].join('');

/** Joining_Type = Dual_Joining, Left_Joining, Right_Joining or Join_Causing, without the joiner itself. */
export const JOINING = [
  String.raw`\u{620}\u{622}-\u{64a}\u{66e}\u{66f}\u{671}-\u{673}\u{675}-\u{6d3}\u{6d5}`,
  String.raw`\u{6ee}\u{6ef}\u{6fa}-\u{6fc}\u{6ff}\u{710}\u{712}-\u{72f}\u{74d}-\u{77f}`,
  String.raw`\u{7ca}-\u{7ea}\u{7fa}\u{840}-\u{858}\u{860}\u{862}-\u{865}\u{867}-\u{86a}`,
  String.raw`\u{870}-\u{886}\u{889}-\u{88f}\u{8a0}-\u{8ac}\u{8ae}-\u{8c8}\u{1807}\u{180a}`,
  String.raw`\u{1820}-\u{1878}\u{1887}-\u{18a8}\u{18aa}\u{a840}-\u{a872}\u{10ac0}-\u{10ac5}`,
  String.raw`\u{10ac7}\u{10ac9}\u{10aca}\u{10acd}-\u{10ae1}\u{10ae4}\u{10aeb}-\u{10aef}`,
  String.raw`\u{10b80}-\u{10b91}\u{10ba9}-\u{10bae}\u{10d00}-\u{10d23}\u{10ec2}-\u{10ec4}`,
  String.raw`\u{10ec6}\u{10ec7}\u{10f30}-\u{10f44}\u{10f51}-\u{10f54}\u{10f70}-\u{10f81}\u{10fb0}`,
  String.raw`\u{10fb2}-\u{10fb6}\u{10fb8}-\u{10fbf}\u{10fc1}-\u{10fc4}\u{10fc9}-\u{10fcb}`,
  String.raw`\u{1e900}-\u{1e943}`,
].join('');
