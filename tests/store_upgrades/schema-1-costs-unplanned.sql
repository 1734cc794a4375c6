BEGIN TRANSACTION;
CREATE TABLE costs (
  key TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  cost TEXT NOT NULL,           -- JSON of the CostResult, raw times included
  run INTEGER NOT NULL REFERENCES runs(id)
) WITHOUT ROWID;
INSERT INTO "costs" VALUES('44a053981a5216b2436d0f03c2373733','ok','{"hardware":"","outcomes":[{"facet":"forward","quantity":"pass_seconds","value":0.2}],"reason":"","status":"ok","task":{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"none","optimizer":"adam","train_size":null,"weight_decay":0.0},"device":"cpu","protocol":{"energy_seconds":1.0,"sample_seconds":0.005,"samples":30,"threads":1,"warm_up_passes":5,"warm_up_seconds":0.1},"replicate":0},"timings":[{"activity":"forward","flags":["spread"],"passes":1,"seconds":[0.1,0.3]}]}',1);
CREATE TABLE curves (
  trial INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  quantity TEXT NOT NULL,
  facet TEXT NOT NULL,
  step INTEGER NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (trial, quantity, facet, step)
) WITHOUT ROWID;
INSERT INTO "curves" VALUES(1,'validation_loss','',0,2.3);
INSERT INTO "curves" VALUES(1,'validation_loss','',1,3.33333333333333314829e-01);
INSERT INTO "curves" VALUES(1,'validation_loss','',5,0.1);
INSERT INTO "curves" VALUES(2,'validation_loss','',0,2.3);
INSERT INTO "curves" VALUES(2,'validation_loss','',1,3.33333333333333314829e-01);
INSERT INTO "curves" VALUES(2,'validation_loss','',5,0.1);
CREATE TABLE outcomes (
  trial INTEGER NOT NULL REFERENCES trials(id) ON DELETE CASCADE,
  quantity TEXT NOT NULL,
  facet TEXT NOT NULL,
  value REAL NOT NULL,
  PRIMARY KEY (trial, quantity, facet)
) WITHOUT ROWID;
INSERT INTO "outcomes" VALUES(1,'steps_to_target','0.9',9e999);
INSERT INTO "outcomes" VALUES(1,'test_accuracy','',0.01);
INSERT INTO "outcomes" VALUES(2,'steps_to_target','0.9',9e999);
INSERT INTO "outcomes" VALUES(2,'test_accuracy','',0.11);
CREATE TABLE planned (          -- what the newest run's grid asks for, done or not
  study TEXT NOT NULL REFERENCES studies(name),
  key TEXT NOT NULL,
  trial TEXT NOT NULL,          -- JSON of the Trial
  PRIMARY KEY (study, key)
) WITHOUT ROWID;
INSERT INTO "planned" VALUES('grid','5d5d30278eccbf1741ad7e9c9fade31b','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"none","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":1}');
INSERT INTO "planned" VALUES('grid','a33bcc646930543474522326a1858de5','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"batch","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":1}');
INSERT INTO "planned" VALUES('grid','a9f0ffce6841e9d04dc1c4e76e22f735','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"batch","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":0}');
INSERT INTO "planned" VALUES('grid','bc84ab1baf1dc6d918cecfc74359ed24','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"none","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":0}');
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  started TEXT NOT NULL,
  finished TEXT,
  info TEXT NOT NULL            -- JSON: command, grid, environment, dataset asked for and used …
);
INSERT INTO "runs" VALUES(1,'2025-01-01T00:00:00+00:00','2025-01-01T00:01:00+00:00','{"command":["python","-m","suite.run"],"grid":{"name":"old"}}');
CREATE TABLE stack_sizes (      -- chosen once by timing; kept so that a resumed run repeats it
  shape TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  timings TEXT NOT NULL         -- JSON: size -> seconds per seed-step
) WITHOUT ROWID;
INSERT INTO "stack_sizes" VALUES('4 × shape',2,'{"1":0.2,"2":0.1}');
CREATE TABLE studies (
  name TEXT PRIMARY KEY,
  position INTEGER NOT NULL,
  why TEXT NOT NULL
);
INSERT INTO "studies" VALUES('grid',0,'Kept for upgrades.');
CREATE TABLE trials (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  trial TEXT NOT NULL,
  status TEXT NOT NULL,
  reason TEXT NOT NULL,
  diverged_step INTEGER,
  stack_size INTEGER NOT NULL,
  seconds REAL NOT NULL,
  run INTEGER NOT NULL REFERENCES runs(id)
);
INSERT INTO "trials" VALUES(1,'bc84ab1baf1dc6d918cecfc74359ed24','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"none","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":0}','ok','',NULL,2,0.5,1);
INSERT INTO "trials" VALUES(2,'5d5d30278eccbf1741ad7e9c9fade31b','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"none","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":1}','ok','',NULL,2,0.5,1);
INSERT INTO "trials" VALUES(3,'a9f0ffce6841e9d04dc1c4e76e22f735','{"code_version":"code","condition":{"batch_size":64,"dataset":"mnist5k","depth":null,"init":"default","learning_rate":0.001,"model":"mlp","norm":"batch","optimizer":"adam","train_size":null,"weight_decay":0.0},"data_fingerprint":"data","device":"cpu","protocol":{"budget":{"epochs":1,"samples":null,"steps":null},"evaluations_per_decade":12,"probes":[],"split":"holdout","trace_every":100},"seed":0}','failed','an error
in two lines',NULL,1,0.0,1);
COMMIT;
PRAGMA application_id = 1112425009;
PRAGMA user_version = 1;
