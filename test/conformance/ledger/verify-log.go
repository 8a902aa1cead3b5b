// Command verify-log reads a ledger with code that is not ours: golang.org/x/mod/sumdb opens the signed heads, computes
// their roots from our tiles, and checks our inclusion and consistency proofs. It prints what it checked, or the first
// thing that is wrong and ends with status 1.
//
// Usage: verify-log DIRECTORY, laid out as C2SP tlog-tiles, with these folders beside it:
//
//	heads/SIZE        signed heads, all of one log
//	proofs/SIZE-INDEX inclusion proofs (C2SP tlog-proof)
//	growth/OLD-NEW    consistency proofs, one base64 hash per line
package main

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8
const tileWidth = 1 << tileHeight

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: verify-log DIRECTORY"))
	}
	summary, err := verify(os.Args[1])
	if err != nil {
		fail(err)
	}
	fmt.Println(summary)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func verify(dir string) (string, error) {
	key, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return "", err
	}
	heads, err := openHeads(dir, verifier)
	if err != nil {
		return "", err
	}
	current, err := openHead(filepath.Join(dir, "checkpoint"), verifier)
	if err != nil {
		return "", err
	}
	log := tiledLog{dir: dir, size: current.N}
	for size, head := range heads {
		root, err := tlog.TreeHash(size, log)
		if err != nil {
			return "", fmt.Errorf("root of %d: %w", size, err)
		}
		if root != head.Hash {
			return "", fmt.Errorf("root of %d: the tiles hold %v, signed is %v", size, root, head.Hash)
		}
	}
	proofs, err := checkProofs(dir, log, heads, verifier)
	if err != nil {
		return "", err
	}
	growth, err := checkGrowth(dir, log, heads)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d heads, %d inclusion proofs, %d consistency proofs", len(heads), proofs, growth), nil
}

// openHeads opens every head and demands that its file is named by its size.
func openHeads(dir string, verifier note.Verifier) (map[int64]tlog.Tree, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "heads", "*"))
	if err != nil {
		return nil, err
	}
	heads := map[int64]tlog.Tree{}
	for _, path := range paths {
		head, err := openHead(path, verifier)
		if err != nil {
			return nil, err
		}
		if filepath.Base(path) != strconv.FormatInt(head.N, 10) {
			return nil, fmt.Errorf("%s is a head of size %d", path, head.N)
		}
		heads[head.N] = head
	}
	return heads, nil
}

func openHead(path string, verifier note.Verifier) (tlog.Tree, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return parseHead(text, verifier)
}

func parseHead(text []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("not the head of this log: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// checkProofs checks each inclusion proof under the head it carries, and that it is the very proof that tlog makes.
func checkProofs(dir string, log tiledLog, heads map[int64]tlog.Tree, verifier note.Verifier) (int, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "proofs", "*"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		parts := strings.SplitN(string(text), "\n\n", 2)
		lines := strings.Split(parts[0], "\n")
		if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
			return 0, fmt.Errorf("%s is no tlog-proof", path)
		}
		head, err := parseHead([]byte(parts[1]), verifier)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if head != heads[head.N] {
			return 0, fmt.Errorf("%s carries another head than was signed for its size", path)
		}
		index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		if err != nil {
			return 0, err
		}
		proof, err := parseHashes(lines[2:])
		if err != nil {
			return 0, err
		}
		entry, err := log.entry(index)
		if err != nil {
			return 0, err
		}
		if err := tlog.CheckRecord(proof, head.N, head.Hash, index, tlog.RecordHash(entry)); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		expected, err := tlog.ProveRecord(head.N, index, log)
		if err != nil || !equal(proof, expected) {
			return 0, fmt.Errorf("%s: tlog makes another proof (%v)", path, err)
		}
	}
	return len(paths), nil
}

// checkGrowth checks each consistency proof, and that it is the very proof that tlog makes.
func checkGrowth(dir string, log tiledLog, heads map[int64]tlog.Tree) (int, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "growth", "*"))
	if err != nil {
		return 0, err
	}
	for _, path := range paths {
		var before, after int64
		if _, err := fmt.Sscanf(filepath.Base(path), "%d-%d", &before, &after); err != nil {
			return 0, err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		proof, err := parseHashes(strings.Fields(string(text)))
		if err != nil {
			return 0, err
		}
		old, current := heads[before], heads[after]
		if err := tlog.CheckTree(proof, current.N, current.Hash, old.N, old.Hash); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		expected, err := tlog.ProveTree(after, before, log)
		if err != nil || !equal(proof, expected) {
			return 0, fmt.Errorf("%s: tlog makes another proof (%v)", path, err)
		}
	}
	return len(paths), nil
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, len(lines))
	for _, line := range lines {
		bytes, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(bytes) != tlog.HashSize {
			return nil, fmt.Errorf("%q is no hash", line)
		}
		hashes = append(hashes, *(*tlog.Hash)(bytes))
	}
	return hashes, nil
}

func equal(one, other []tlog.Hash) bool {
	if len(one) != len(other) {
		return false
	}
	for at := range one {
		if one[at] != other[at] {
			return false
		}
	}
	return true
}

// tiledLog reads the hashes of a tree of `size` leaves from C2SP tiles, whose paths differ from those of sum.golang.org.
type tiledLog struct {
	dir  string
	size int64
}

// ReadHashes implements tlog.HashReader.
func (log tiledLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for at, stored := range indexes {
		level, index := tlog.SplitStoredHashIndex(stored)
		hash, err := log.node(level, index)
		if err != nil {
			return nil, err
		}
		hashes[at] = hash
	}
	return hashes, nil
}

// node is the hash of the index-th complete subtree of 2^level leaves.
func (log tiledLog) node(level int, index int64) (tlog.Hash, error) {
	if level%tileHeight != 0 {
		left, err := log.node(level-1, 2*index)
		if err != nil {
			return tlog.Hash{}, err
		}
		right, err := log.node(level-1, 2*index+1)
		return tlog.NodeHash(left, right), err
	}
	tile, err := os.ReadFile(log.path(strconv.Itoa(level/tileHeight), level, index/tileWidth))
	if err != nil {
		return tlog.Hash{}, err
	}
	offset := index % tileWidth * tlog.HashSize
	if int64(len(tile)) < offset+tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("tile %d/%d is too short", level, index/tileWidth)
	}
	return *(*tlog.Hash)(tile[offset : offset+tlog.HashSize]), nil
}

// entry is the index-th leaf, out of its bundle.
func (log tiledLog) entry(index int64) ([]byte, error) {
	bundle, err := os.ReadFile(log.path("entries", 0, index/tileWidth))
	if err != nil {
		return nil, err
	}
	for at := index % tileWidth; len(bundle) >= 2; at-- {
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		if end > len(bundle) {
			break
		}
		if at == 0 {
			return bundle[2:end], nil
		}
		bundle = bundle[end:]
	}
	return nil, fmt.Errorf("the bundle of leaf %d does not hold it", index)
}

// path is where C2SP tlog-tiles puts a tile: partial when the tree does not fill it.
func (log tiledLog) path(name string, level int, tile int64) string {
	width := log.size>>level - tile*tileWidth
	path := fmt.Sprintf("%03d", tile%1000)
	for tile >= 1000 {
		tile /= 1000
		path = fmt.Sprintf("x%03d/%s", tile%1000, path)
	}
	if width < tileWidth {
		path += ".p/" + strconv.FormatInt(width, 10)
	}
	return filepath.Join(log.dir, "tile", name, filepath.FromSlash(path))
}
