//! The posts of every workspace, kept as JSON lines in one file.
//!
//! A post is on disk before it is acknowledged, and so is its deletion, a line of its own. A last line that a crash cut short is
//! cut off when the file is next opened; a damaged line in the middle is passed over. The file is rewritten when most of it is
//! forgotten posts.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::limits;

/// No honest line is longer: it came in one body. JSON may escape each byte to six.
const LINE_BYTES: usize = 8 * limits::BODY_BYTES;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    pub id: String,
    pub workspace: String,
    /// The author's short name.
    pub author: String,
    /// Milliseconds since 1970.
    pub at: u64,
    pub text: String,
    pub files: Vec<PostedFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostedFile {
    /// Path of the stable URL on the files origin.
    pub path: String,
    pub name: String,
    #[serde(rename = "type")]
    pub media_type: String,
    pub size: u64,
    /// Of a picture or a film, in pixels: its place is kept free while it loads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Post(Post),
    Deleted { deleted: String, workspace: String },
}

pub struct Feed {
    path: PathBuf,
    file: File,
    lines: usize,
    /// Oldest first.
    posts: HashMap<String, VecDeque<Post>>,
}

impl Feed {
    pub fn open(dir: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let path = dir.join("feed.jsonl");
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let mut feed = Self { path, file, lines: 0, posts: HashMap::new() };
        let whole = feed.read()?;
        if feed.file.metadata()?.len() > whole {
            feed.file.set_len(whole)?;
            feed.file.sync_data()?;
        }
        Ok(feed)
    }

    /// Newest first.
    pub fn of<'a>(&'a self, workspace: &str) -> impl Iterator<Item = &'a Post> + use<'a> {
        self.posts.get(workspace).into_iter().flat_map(|posts| posts.iter().rev())
    }

    /// On disk when this returns.
    pub fn add(&mut self, post: Post) -> io::Result<()> {
        self.write(Line::Post(post))
    }

    /// Gone from the disk's account of the feed when this returns; its text when the file is next rewritten.
    pub fn delete(&mut self, workspace: &str, id: &str) -> io::Result<()> {
        self.write(Line::Deleted { deleted: id.to_owned(), workspace: workspace.to_owned() })
    }

    fn write(&mut self, line: Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        let end = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(&text).and_then(|()| self.file.sync_data()) {
            let _ = self.file.set_len(end);
            return Err(error);
        }
        self.lines += 1;
        self.take(line);
        if self.lines > 2 * self.kept() + limits::POSTS {
            // The line is safe already; a file that stays too long is tried again with the next one.
            let _ = self.rewrite();
        }
        Ok(())
    }

    /// Reads all whole lines; gives the length of the file up to the end of the last one.
    fn read(&mut self) -> io::Result<u64> {
        let mut reader = BufReader::new(self.file.try_clone()?);
        reader.seek(SeekFrom::Start(0))?;
        let mut whole = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = io::Read::take(&mut reader, LINE_BYTES as u64).read_until(b'\n', &mut line)?;
            if read == 0 || line.last() != Some(&b'\n') && read < LINE_BYTES {
                return Ok(whole);
            }
            whole += read as u64;
            self.lines += 1;
            if let Ok(line) = serde_json::from_slice::<Line>(&line) {
                self.take(line);
            }
        }
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Post(post) => {
                let posts = self.posts.entry(post.workspace.clone()).or_default();
                posts.push_back(post);
                if posts.len() > limits::POSTS {
                    posts.pop_front();
                }
            }
            Line::Deleted { deleted, workspace } => {
                if let Some(posts) = self.posts.get_mut(&workspace) {
                    posts.retain(|post| post.id != deleted);
                }
            }
        }
    }

    fn kept(&self) -> usize {
        self.posts.values().map(VecDeque::len).sum()
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let fresh_path = self.path.with_extension("jsonl.new");
        let mut text = Vec::new();
        for post in self.posts.values().flatten() {
            serde_json::to_writer(&mut text, post)?;
            text.push(b'\n');
        }
        // The handle that later posts go to is opened before the rename: after it nothing can fail that would lose them.
        let mut fresh =
            File::create(&fresh_path).and_then(|_| OpenOptions::new().read(true).append(true).open(&fresh_path))?;
        fresh.write_all(&text)?;
        fresh.sync_all()?;
        std::fs::rename(&fresh_path, &self.path)?;
        self.file = fresh;
        self.lines = self.kept();
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("edgepass-demo-feed-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        dir
    }

    fn post(workspace: &str, text: &str) -> Post {
        Post {
            id: text.to_owned(),
            workspace: workspace.to_owned(),
            author: "ada".to_owned(),
            at: 1,
            text: text.to_owned(),
            files: vec![PostedFile {
                path: "/w/f/a.png".into(),
                name: "a.png".into(),
                media_type: "image/png".into(),
                size: 9,
                width: None,
                height: Some(7),
            }],
        }
    }

    fn texts(feed: &Feed, workspace: &str) -> Vec<String> {
        feed.of(workspace).map(|post| post.text.clone()).collect()
    }

    #[test]
    fn posts_survive_and_workspaces_are_apart() {
        let dir = dir("apart");
        let mut feed = Feed::open(&dir).unwrap();
        feed.add(post("a", "one")).unwrap();
        feed.add(post("b", "two")).unwrap();
        feed.add(post("a", "three\nlines")).unwrap();
        drop(feed);
        let feed = Feed::open(&dir).unwrap();
        assert_eq!(texts(&feed, "a"), ["three\nlines", "one"]);
        assert_eq!(texts(&feed, "b"), ["two"]);
        assert!(texts(&feed, "c").is_empty());
    }

    #[test]
    fn a_deleted_post_stays_away() {
        let dir = dir("deleted");
        let mut feed = Feed::open(&dir).unwrap();
        feed.add(post("a", "one")).unwrap();
        feed.add(post("a", "two")).unwrap();
        feed.delete("b", "one").unwrap();
        feed.delete("a", "one").unwrap();
        assert_eq!(texts(&feed, "a"), ["two"]);
        drop(feed);
        let mut feed = Feed::open(&dir).unwrap();
        assert_eq!(texts(&feed, "a"), ["two"]);
        for n in 0..2 * limits::POSTS {
            feed.add(post("a", &n.to_string())).unwrap();
            feed.delete("a", &n.to_string()).unwrap();
        }
        assert!(feed.lines <= 2 * limits::POSTS);
        drop(feed);
        assert_eq!(texts(&Feed::open(&dir).unwrap(), "a"), ["two"]);
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_a_damaged_one_passed_over() {
        let dir = dir("torn");
        let mut feed = Feed::open(&dir).unwrap();
        feed.add(post("a", "one")).unwrap();
        drop(feed);
        let path = dir.join("feed.jsonl");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"not json\n{\"id\":\"torn").unwrap();
        drop(file);
        let mut feed = Feed::open(&dir).unwrap();
        feed.add(post("a", "two")).unwrap();
        drop(feed);
        assert_eq!(texts(&Feed::open(&dir).unwrap(), "a"), ["two", "one"]);
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
    }

    #[test]
    fn old_posts_are_forgotten_and_the_file_stays_small() {
        let dir = dir("old");
        let mut feed = Feed::open(&dir).unwrap();
        for n in 0..limits::POSTS * 4 {
            feed.add(post("a", &n.to_string())).unwrap();
        }
        assert_eq!(texts(&feed, "a").len(), limits::POSTS);
        drop(feed);
        let feed = Feed::open(&dir).unwrap();
        assert_eq!(texts(&feed, "a").first().unwrap(), &(limits::POSTS * 4 - 1).to_string());
        assert!(feed.lines <= 3 * limits::POSTS);
    }
}
